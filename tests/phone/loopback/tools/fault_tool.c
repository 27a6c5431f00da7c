/* Stand-ins for benchmark_model, for tests of the harness. None of them measures anything.
 *
 * One binary per behaviour, since the harness renames what it pushes: compiled with -DSLEEP,
 * -DNOISE, -DHANG or -DCRASH. Static, and ELF of this machine, so that it passes the harness's
 * check before a push. Two files of the phone steer it, both optional:
 *
 *   /persona/fault/ms    how long a sound launch takes, in milliseconds (default 500)
 *   /persona/fault/left  how many more launches fail; then they are sound (default: every one)
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEER "/persona/fault/"

/* The number in a file of one line, or `fallback`. */
static long number(const char *path, long fallback) {
    FILE *file = fopen(path, "r");
    long value;
    if (!file) return fallback;
    if (fscanf(file, "%ld", &value) != 1) value = fallback;
    fclose(file);
    return value;
}

static const char *flag(int argc, char **argv, const char *name, const char *fallback) {
    size_t length = strlen(name);
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], name, length) && argv[i][length] == '=') return argv[i] + length + 1;
    return fallback;
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* What a benchmark_model of 2.20 prints, with figures that follow from the time slept. */
static int sound_launch(int argc, char **argv) {
    long ms = number(STEER "ms", 500);
    long runs = atol(flag(argc, argv, "--num_runs", "50"));
    long warmups = atol(flag(argc, argv, "--warmup_runs", "1"));
    if (runs < 1) runs = 1;
    if (warmups < 1) warmups = 1;
    const char *graph = flag(argc, argv, "--graph", "");
    long us = ms * 1000 / (runs + warmups);
    const char *line = "INFO: count=%ld first=%ld curr=%ld min=%ld max=%ld avg=%ld.5 std=%ld "
                       "p5=%ld median=%ld p95=%ld\n\n";

    fputs("fault_tool: a stand-in for benchmark_model, nothing is measured\n", stderr);
    printf("INFO: STARTING!\nINFO: Log parameter values verbosely: [0]\n");
    printf("INFO: Min num runs: [%ld]\nINFO: Graph: [%s]\n", runs, graph);
    printf("INFO: Loaded model %s\nINFO: Initialized session in 0.9ms.\n", graph);
    printf("INFO: Running benchmark for at least %ld iterations and at least 0 seconds but "
           "terminate if exceeding 150 seconds.\n", warmups);
    fflush(stdout);
    pause_ms(ms);
    printf(line, warmups, us + 9, us + 9, us + 9, us + 9, us + 9, 0L, us + 9, us + 9, us + 9);
    printf("INFO: Running benchmark for at least %ld iterations and at least 0 seconds but "
           "terminate if exceeding 150 seconds.\n", runs);
    printf(line, runs, us + 8, us, us - 5, us + 12, us, 4L, us - 4, us, us + 9);
    printf("INFO: Inference timings in us: Init: 900, First inference: %ld, Warmup (avg): %ld, "
           "Inference (avg): %ld.5\n", us + 9, us + 9, us);
    puts("INFO: Note: as the benchmark tool itself affects memory footprint, the following is "
         "only APPROXIMATE to the actual memory footprint of the model at runtime. Take the "
         "information at your discretion.");
    puts("INFO: Memory footprint delta from the start of the tool (MB): init=1.5 overall=2.25");
    return 0;
}

#if defined(NOISE)
/* A megabyte with no result in it: bytes that are not UTF-8, no newline for long stretches. */
static int fault(void) {
    unsigned char block[1024];
    for (int n = 0; n < 1024; n++) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (unsigned char)((i * 7 + (size_t)n * 13) % 251 + 5);
        if (n % 64 == 63) block[sizeof block - 1] = '\n';
        if (fwrite(block, sizeof block, 1, stdout) != 1) return 1;
    }
    fputs("\xff\xfe\x80 not UTF-8\n", stderr);
    return 0;
}
#elif defined(HANG)
static int fault(void) {
    puts("INFO: STARTING!");
    fflush(stdout);
    for (;;) pause();
    return 0;
}
#elif defined(CRASH)
static int fault(void) {
    puts("INFO: STARTING!");
    fflush(stdout);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return 0;
}
#elif !defined(SLEEP)
#error "compile with -DSLEEP, -DNOISE, -DHANG or -DCRASH"
#endif

int main(int argc, char **argv) {
#ifndef SLEEP
    long left = number(STEER "left", -1);
    if (left > 0) {
        FILE *file = fopen(STEER "left", "w");
        if (file) {
            fprintf(file, "%ld\n", left - 1);
            fclose(file);
        }
    }
    if (left != 0) return fault();
#endif
    return sound_launch(argc, argv);
}
