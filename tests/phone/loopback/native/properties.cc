// Preloaded into adbd: answers android::base::GetProperty, for which Debian's adbd has no store.
//
// Values come from /persona/props, one key=value a line. The address to listen on does not: it is
// fixed to the descriptor that phone_init hands down, so no file can open the phone to the world.
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace {
// adbd hands its environment and the listening socket to every shell it starts: the preload is for
// adbd alone, and with the socket in a tool's hands a killed adbd could not be started again.
[[gnu::constructor]] void leave_no_trace() {
  unsetenv("LD_PRELOAD");
  // adbd refuses a socket that is marked close-on-exec already.
  pthread_atfork(nullptr, nullptr, [] { close(3); });
}
}  // namespace

namespace android::base {
std::string GetProperty(const std::string& key, const std::string& fallback) {
  if (key == "service.adb.listen_addrs") return "acceptfd:3";
  std::ifstream props("/persona/props");
  for (std::string line; std::getline(props, line);) {
    if (line.compare(0, key.size() + 1, key + "=") == 0) return line.substr(key.size() + 1);
  }
  return fallback;
}
}  // namespace android::base
