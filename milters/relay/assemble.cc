#include "milters/relay/assemble.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "milters/relay/account_store.h"
#include "milters/relay/guard.h"
#include "policy/accounts/accounts.h"
#include "policy/accounts/sasl.h"
#include "policy/map/class_file.h"
#include "policy/map/text.h"

namespace milters::relay {
namespace {

using policy::ClientAddr;
using policy::Errc;
using policy::fail;
using policy::Result;
namespace config = policy::config;
namespace map = policy::map;

/// Words of a class file, folded.
Result<std::vector<std::string>> class_file(const std::string& path,
                                            map::ClassFormat format)
{
    auto words = map::read_class_file(path, format, false);
    if (words)
        for (auto& word : *words)
            word = map::folded(word);
    return words;
}

std::string host_name()
{
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0)
        return "localhost";
    return map::folded(name.data());
}

/// The addresses of this host as sendmail has them in class w.
std::vector<std::string> own_addresses()
{
    std::vector<std::string> out;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0)
        return out;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned{list,
                                                                 &freeifaddrs};
    for (const auto* one = list; one; one = one->ifa_next) {
        const auto addr = ClientAddr::from_sockaddr(one->ifa_addr);
        if (addr.is_ip())
            out.push_back("[" + addr.map_key() + "]");
    }
    return out;
}

/// Collects problems while it puts the parts together.
class Assembler {
public:
    Assembler(std::shared_ptr<const config::Config> c, const Given& given)
        : config_{std::move(c)}, given_{given}
    {
    }

    Assembled run()
    {
        auto runtime = std::make_shared<Runtime>();
        runtime->config = config_;
        runtime->log = given_.log;
        runtime->test_mode = given_.test_mode;
        runtime->may_wait = config_->relay.relayers.store == "redis" ||
                            config_->relay.accounts.check != "none";
        runtime->world = world();
        runtime->settings = settings();
        const auto& site = runtime->settings;
        // Once to know that it can be made, once with the store in it.
        make_policy(*runtime, site);
        if (problems_.empty())
            add_store(runtime->world);
        if (problems_.empty())
            make_policy(*runtime, site);
        if (!problems_.empty())
            return {nullptr, std::move(problems_)};
        return {std::move(runtime), {}};
    }

private:
    void complain(const std::string& name, const policy::Error& error)
    {
        problems_.push_back(config_->values.place(name) + ": " + name + ": " +
                            error.text);
    }

    void make_policy(Runtime& runtime, const policy::relay::Settings& site)
    {
        auto policy = policy::relay::Policy::make(site, runtime.world);
        if (policy)
            runtime.policy = std::move(*policy);
        else
            complain("relay.features", policy.error());
    }

    /// Empty where accounts are not asked about.
    AccountExists account_check()
    {
        const auto& settings = config_->relay.accounts;
        auto directory = account_directory();
        if (!directory)
            return {};
        policy::accounts::Options options;
        options.cache = settings.cache;
        options.timeout = settings.timeout;
        auto accounts = std::make_shared<policy::accounts::Accounts>(
            std::move(directory), options);
        return [accounts](const std::string& user) {
            return accounts->exists(user);
        };
    }

    std::shared_ptr<policy::accounts::Directory> account_directory()
    {
        const auto& settings = config_->relay.accounts;
        const auto domain = config_->relay.domain.empty()
                                ? host_name()
                                : map::folded(config_->relay.domain);
        const auto realm = settings.realm.empty() ? domain : settings.realm;
        if (settings.check == "passwd")
            return policy::accounts::passwd(realm);
        if (settings.check == "map") {
            std::shared_ptr<map::Source> keys =
                map::open_file(settings.map, false);
            if (const auto now = keys->current(); !now)
                complain("relay.accounts.map", now.error());
            return policy::accounts::map_keys(std::move(keys), realm);
        }
        if (settings.check != "sasl")
            return nullptr;
        if (!settings.sasl_path.empty() &&
            ::access(settings.sasl_path.c_str(), R_OK | X_OK) != 0) {
            complain(
                "relay.accounts.sasl_path",
                {Errc::io, settings.sasl_path + ": " + std::strerror(errno)});
            return nullptr;
        }
        auto sasl = policy::accounts::sasl(
            {settings.sasl_app, settings.sasl_path, settings.realm, domain});
        if (sasl)
            return std::move(*sasl);
        complain("relay.accounts.check", sasl.error());
        return nullptr;
    }

    void add_store(policy::relay::World& world)
    {
        if (!given_.store)
            return;
        const auto exists = account_check();
        if (!problems_.empty())
            return;
        auto store = given_.store();
        if (!store)
            problems_.push_back(store.error().text);
        else if (*store && exists)
            world.relayers =
                std::make_shared<AccountStore>(std::move(*store), exists);
        else
            world.relayers = std::move(*store);
    }

    /// Reads class files; one that is missing is a problem if it was asked
    /// for by name and the class may not be empty.
    std::vector<std::string> read_class(const std::string& name,
                                        const std::vector<std::string>& files,
                                        bool optional)
    {
        const auto format = config_->relay.class_words == "all"
                                ? map::ClassFormat::all_words
                                : map::ClassFormat::first_word;
        std::vector<std::string> all;
        for (const auto& file : files) {
            const auto words = class_file(file, format);
            if (words)
                all.insert(all.end(), words->begin(), words->end());
            else if (words.error().code != Errc::gone || !optional)
                complain(name, words.error());
        }
        return all;
    }

    policy::relay::Settings settings()
    {
        const auto& relay = config_->relay;
        policy::relay::Settings out;
        out.domain =
            relay.domain.empty() ? host_name() : map::folded(relay.domain);
        out.compressed_ipv6 = relay.compressed_ipv6;
        out.local_host_names = {"localhost", "[127.0.0.1]", out.domain};
        for (auto& name : own_addresses())
            out.local_host_names.insert(std::move(name));
        for (auto& name : read_class("relay.local_host_names",
                                     relay.local_host_names, false))
            out.local_host_names.insert(std::move(name));
        out.relay_domains =
            read_class("relay.relay_domains", relay.relay_domains, true);
        if (relay.local_host_names.size() == 1)
            out.local_names_file = relay.local_host_names.front();
        if (relay.relay_domains.size() == 1)
            out.relay_domains_file = relay.relay_domains.front();
        for (auto mech : relay.trust_auth_mech) {
            for (auto& c : mech)
                c = static_cast<char>(
                    std::toupper(static_cast<unsigned char>(c)));
            out.trust_auth_mech.insert(std::move(mech));
        }
        out.features.insert(relay.features.begin(), relay.features.end());
        if (!given_.unguarded)
            guard(out.features);
        return out;
    }

    std::shared_ptr<map::Source> access()
    {
        const auto& relay = config_->relay;
        if (relay.access_type == "text")
            return text_map(relay.access);
        return map::open_file(relay.access, relay.access_optional);
    }

    std::shared_ptr<map::Source> text_map(const std::string& path)
    {
        errno = 0;
        std::ifstream in{path, std::ios::binary};
        std::ostringstream text;
        const bool read = in && (text << in.rdbuf() || errno == 0);
        const bool missing = !in && errno == ENOENT;
        if (!read && !(missing && config_->relay.access_optional)) {
            complain("relay.access",
                     {Errc::io, path + ": " + std::strerror(errno)});
            return nullptr;
        }
        auto snapshot = map::from_text(text.str(), path);
        if (!snapshot) {
            complain("relay.access", snapshot.error());
            return nullptr;
        }
        return map::fixed(std::move(*snapshot), path);
    }

    policy::relay::World world()
    {
        policy::relay::World out;
        const auto& features = config_->relay.features;
        const bool wanted = std::any_of(
            features.begin(), features.end(), [](const std::string& feature) {
                return feature == "access_db" ||
                       feature.starts_with("access_db:");
            });
        if (wanted)
            out.access = access();
        if (out.access)
            if (const auto now = out.access->current(); !now)
                complain("relay.access", now.error());
        out.resolve = [](std::string_view) {
            return policy::relay::NameStatus::ok;
        };
        out.window = config_->relay.relayers.window;
        return out;
    }

    std::shared_ptr<const config::Config> config_;
    const Given& given_;
    config::Problems problems_;
};

}  // namespace

Assembled assemble(std::shared_ptr<const config::Config> config,
                   const Given& given)
{
    return Assembler{std::move(config), given}.run();
}

}  // namespace milters::relay
