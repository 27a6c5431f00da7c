/* Process 1 of a loopback phone.
 *
 *   phone_init ROOT ADDRESS PORT
 *
 * Runs as root in the phone's own namespaces, changes its root to ROOT, and takes orders from
 * standard input, one letter each: 's' starts adbd. Each order is answered with one line. At the
 * end of the input it exits, and the kernel ends all else in the namespace with it: a harness
 * that was killed leaves nothing running.
 *
 * adbd never opens a listening socket by itself, since it would listen on every address and on
 * vsock: the one socket it gets is bound here and handed down as a file descriptor.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADBD "/usr/lib/android-sdk/platform-tools/adbd"
#define SHIM "/usr/lib/loopback/properties.so"
#define LISTEN_FD 3 /* properties.cc tells adbd "acceptfd:3" */
#define SHELL_UID 2000

static void die(const char *what) {
    fprintf(stderr, "phone_init: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* A socket that listens on one address alone, or -1. */
static int listen_on(const char *address, int port) {
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int one = 1;
    if (inet_pton(AF_INET, address, &where.sin_addr) != 1 ||
        where.sin_addr.s_addr == htonl(INADDR_ANY)) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&where, sizeof where) || listen(fd, 4)) {
        int cause = errno;
        close(fd);
        errno = cause;
        return -1;
    }
    return fd;
}

/* Become the shell user, as adbd on a phone does, and run adbd. Returns only where it fails. */
static void exec_adbd(int listener) {
    static const gid_t groups[] = {1004, 1007, 1011, 1015, 3003, 3009};
    static char *const argv[] = {"adbd", NULL};
    static char *const envp[] = {
        "PATH=/product/bin:/system/bin:/vendor/bin",
        "ANDROID_ROOT=/system",
        "ANDROID_DATA=/data",
        "LD_PRELOAD=" SHIM,
        NULL,
    };
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(listener, LISTEN_FD) < 0) return;
    if (fcntl(LISTEN_FD, F_SETFD, 0)) return; /* dup2 onto itself keeps close-on-exec */
    setsid();
    if (setgroups(sizeof groups / sizeof *groups, groups) || setgid(SHELL_UID) ||
        setuid(SHELL_UID) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return;
    execve(ADBD, argv, envp);
}

/* Fork and run adbd on the socket; its id once it really runs, or -1. */
static pid_t spawn_adbd(int listener) {
    int report[2], cause = 0; /* the pipe closes as adbd's program begins, or brings the cause */
    if (pipe2(report, O_CLOEXEC)) return -1;
    /* Out of the way of the descriptor that adbd gets. */
    int writer = fcntl(report[1], F_DUPFD_CLOEXEC, 10);
    close(report[1]);
    pid_t child = writer < 0 ? -1 : fork();
    if (child == 0) {
        exec_adbd(listener);
        cause = errno;
        if (write(writer, &cause, sizeof cause) < 0) _exit(126);
        _exit(127);
    }
    close(writer);
    ssize_t got = child < 0 ? 0 : read(report[0], &cause, sizeof cause);
    close(report[0]);
    if (got <= 0) return child;
    waitpid(child, NULL, 0);
    errno = cause;
    return -1;
}

static pid_t start_adbd(const char *address, int port, pid_t running) {
    /* Killed a moment ago, it may be dead but not reaped yet. */
    if (running > 0 && waitpid(running, NULL, WNOHANG) != running) {
        puts("error: adbd runs already");
        return running;
    }
    /* The loader skips a missing preload with a mere warning; adbd would then listen everywhere. */
    if (access(SHIM, R_OK)) {
        printf("error: %s: %s\n", SHIM, strerror(errno));
        return 0;
    }
    int listener = listen_on(address, port);
    if (listener < 0) {
        printf("error: listen on %s port %d: %s\n", address, port, strerror(errno));
        return 0;
    }
    pid_t child = spawn_adbd(listener);
    close(listener);
    if (child < 0) {
        printf("error: %s: %s\n", ADBD, strerror(errno));
        return 0;
    }
    puts("listening");
    return child;
}

/* Reap every child; the answer is adbd's id while it lives, else 0. */
static pid_t reap(int signals, pid_t adbd) {
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) < 0 && errno != EAGAIN) die("signalfd");
    for (pid_t ended; (ended = waitpid(-1, NULL, WNOHANG)) > 0;)
        if (ended == adbd) adbd = 0;
    return adbd;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: phone_init ROOT ADDRESS PORT\n", stderr);
        return 2;
    }
    const char *address = argv[2];
    int port = atoi(argv[3]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (chroot(argv[1]) || chdir("/")) die(argv[1]);
    if (sethostname("localhost", 9)) die("sethostname");

    /* Nothing inside the phone may hold the pipe of orders open. */
    int orders = fcntl(0, F_DUPFD_CLOEXEC, 10);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (orders < 0 || null < 0 || dup2(null, 0) < 0) die("standard input");
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0) die("signalfd");

    /* Answers go to the harness; adbd's own words to the log on standard error. */
    int answers = fcntl(1, F_DUPFD_CLOEXEC, 10);
    if (answers < 0 || dup2(2, 1) < 0) die("standard output");
    FILE *harness = fdopen(answers, "w");
    if (!harness) die("fdopen");
    setvbuf(harness, NULL, _IOLBF, 0);
    stdout = harness;
    puts("ready");

    pid_t adbd = 0;
    struct pollfd wait[] = {{.fd = orders, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        char order;
        if (poll(wait, 2, -1) < 0 && errno != EINTR) die("poll");
        if (wait[1].revents) adbd = reap(signals, adbd);
        if (!wait[0].revents) continue;
        if (read(orders, &order, 1) <= 0) return 0;
        if (order == 's') adbd = start_adbd(address, port, adbd);
    }
}
