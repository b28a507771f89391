#include "milters/login/intake.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace milters::login {
namespace {

constexpr std::chrono::seconds warn_interval{10};

constexpr std::string_view pop_names[] = {
    "pop3",       "pop3s",     "pop3d",           "pop3d-ssl", "ipop3d",
    "ipop3sd",    "pop",       "popper",          "popa3d",    "qpopper",
    "pop3-login", "pop3login", "courierpop3login"};
constexpr std::string_view imap_names[] = {
    "imap",  "imaps",  "imapd",      "imapsd",    "imapd-ssl",
    "imap4", "imap4d", "imap-login", "imaplogin", "courierimaplogin"};

bool is_control(char c)
{
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
}

std::string lower(std::string_view text)
{
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return out;
}

}  // namespace

std::string service_name(std::string_view name)
{
    std::string s = lower(name);
    if (std::find(std::begin(pop_names), std::end(pop_names), s) !=
        std::end(pop_names))
        return "pop3";
    if (std::find(std::begin(imap_names), std::end(imap_names), s) !=
        std::end(imap_names))
        return "imap";
    return s;
}

bool is_anonymous(std::string_view user, std::string_view method)
{
    const auto is = [](std::string_view text) {
        return lower(text.substr(0, text.find_first_of(" @%+/"))) ==
               "anonymous";
    };
    return is(user) || is(method);
}

Intake::Intake(Common common, std::string source,
               policy::relayers::LoginSink sink)
    : common_{std::move(common)},
      source_{std::move(source)},
      sink_{std::move(sink)}
{
}

bool Intake::login(const Sighting& seen, std::string_view source)
{
    const auto client = policy::ClientAddr::parse(seen.ip);
    if (!client) {
        malformed("not an IP address");
        return false;
    }
    if (seen.user.size() > max_user ||
        std::any_of(seen.user.begin(), seen.user.end(), is_control)) {
        malformed("impossible user name");
        return false;
    }
    std::string service = service_name(seen.service);
    if (client->is_loopback() || !counts(service) ||
        is_anonymous(seen.user, seen.method)) {
        ++counters_.ignored;
        return false;
    }
    const policy::Seconds present = now();
    return hand_over({*client, std::min(seen.when.value_or(present), present),
                      std::string{seen.user}, std::move(service),
                      std::string{source.empty() ? source_ : source}});
}

bool Intake::counts(const std::string& service) const
{
    return service.empty() || common_.services.contains(service);
}

bool Intake::hand_over(const policy::relayers::Login& login)
{
    try {
        sink_(login);
    } catch (const std::exception& e) {
        warn(std::string{"login not recorded: "} + e.what());
        return false;
    }
    ++counters_.logins;
    return true;
}

void Intake::refused(const std::string& why)
{
    ++counters_.refused;
    warn("report refused: " + why);
}

void Intake::malformed(const std::string& why)
{
    ++counters_.malformed;
    warn("report not understood: " + why);
}

void Intake::warn(const std::string& text)
{
    if (!common_.warn)
        return;
    if (now() - last_warning_ < warn_interval) {
        ++unsaid_;
        return;
    }
    last_warning_ = now();
    const auto unsaid = std::exchange(unsaid_, 0);
    common_.warn(source_ + ": " + text +
                 (unsaid ? " (and " + std::to_string(unsaid) + " before)"
                         : std::string{}));
}

}  // namespace milters::login
