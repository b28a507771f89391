// Asks about accounts, for tests: reads names from standard input and says
// exists, gone or the error of each, and how long it took.
//
//   account-check passwd|sasl|map [KEY=VALUE...]
//     realm=R host=H   app=NAME folders=A:B (sasl)   map=FILE   timeout_ms=N
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "policy/accounts/accounts.h"
#include "policy/accounts/sasl.h"

using namespace policy;
using Settings = std::map<std::string, std::string>;

namespace {

Result<std::unique_ptr<accounts::Directory>> directory(const std::string& kind,
                                                       Settings& s)
{
    if (kind == "passwd")
        return accounts::passwd(s["realm"]);
    if (kind == "map")
        return accounts::map_keys(map::open_file(s["map"], false), s["realm"]);
    return accounts::sasl({s.contains("app") ? s["app"] : "Sendmail",
                           s["folders"], s["realm"], s["host"]});
}

}  // namespace

int main(int argc, char** argv)
{
    Settings s;
    for (int i = 2; i < argc; ++i) {
        const std::string word = argv[i];
        s[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
    }
    auto made = directory(argc > 1 ? argv[1] : "", s);
    if (!made) {
        std::cerr << made.error().text << std::endl;
        return 1;
    }
    accounts::Options options;
    options.cache = std::chrono::milliseconds{0};
    if (s.contains("timeout_ms"))
        options.timeout = std::chrono::milliseconds{std::stoi(s["timeout_ms"])};
    accounts::Accounts accounts{std::move(*made), options};
    for (std::string user; std::getline(std::cin, user);) {
        const auto start = std::chrono::steady_clock::now();
        const auto answer = accounts.exists(user);
        const std::chrono::duration<double> took =
            std::chrono::steady_clock::now() - start;
        std::cout << (answer ? (*answer ? "exists" : "gone")
                             : "error: " + answer.error().text)
                  << '\t' << took.count() << std::endl;
    }
    // Threads that hang must not hold up the end either.
    std::_Exit(0);
}
