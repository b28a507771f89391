#include "milters/vsmtprelay/backend.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <utility>

#include "milters/control/client.h"
#include "milters/control/handler.h"
#include "policy/config/config.h"
#include "policy/relayers/direct_store.h"

namespace milters::vsmtprelay {
namespace {

using policy::Errc;
using policy::fail;
using policy::Result;
using policy::relayers::DirectSettings;
using policy::relayers::DirectStore;

/// For an answer, and for a makemap that holds the lock.
constexpr std::chrono::seconds patience{30};
constexpr const char* default_state_dir = "/var/lib/postern";

/// Where things are, as the options and the configuration have them.
struct Places {
    std::string socket = control::default_socket;
    DirectSettings direct;
};

Result<Places> configured(const std::string& path, Places places)
{
    const auto loaded = policy::config::load(path);
    if (!loaded.config) {
        std::string all;
        for (const auto& problem : loaded.problems)
            all += (all.empty() ? "" : "\n") + problem;
        return fail(Errc::parse, all);
    }
    const auto& relay = loaded.config->relay;
    places.socket = relay.control_socket.off() ? "" : relay.control_socket.path;
    places.direct.file = relay.relayers.file;
    places.direct.journal = relay.relayers.journal;
    places.direct.window = relay.relayers.window;
    places.direct.ipv6_keys =
        policy::relayers::ipv6_keys_of(relay.relayers.ipv6_keys);
    return places;
}

Result<Places> places_of(const Options& options)
{
    Places places;
    places.direct.wait = patience;
    places.direct.file = options.mail_dir + "/relayers.db";
    // The journal belongs to the file of the same relay-milter, no other.
    if (!options.mail_dir_given)
        places.direct.journal = default_state_dir;
    const std::string config = options.config.empty()
                                   ? options.mail_dir + "/postern.yaml"
                                   : options.config;
    if (!options.config.empty() || access(config.c_str(), F_OK) == 0) {
        auto found = configured(config, std::move(places));
        if (!found)
            return fail(found.error());
        places = std::move(*found);
        if (options.mail_dir_given)
            places.direct.file = options.mail_dir + "/relayers.db";
    }
    if (!options.state_dir.empty())
        places.direct.journal = options.state_dir;
    return places;
}

/// As makemap and sendmail, which append `.db`: what lies beside it without
/// may be the text that makemap reads.
std::string file_named(const std::string& name)
{
    const std::string longer = name + ".db";
    const bool plain =
        name.ends_with(".db") ||
        (access(longer.c_str(), F_OK) != 0 && access(name.c_str(), F_OK) == 0);
    return plain ? name : longer;
}

Ask through(control::Client client)
{
    const auto shared = std::make_shared<control::Client>(std::move(client));
    return
        [shared](const control::Json& request) { return shared->ask(request); };
}

Ask directly(const DirectSettings& settings)
{
    const auto store = std::make_shared<DirectStore>(settings);
    return [store, window = settings.window](
               const control::Json& request) -> Result<control::Json> {
        return control::handle(request, {.store = *store, .window = window});
    };
}

}  // namespace

Result<Ask> backend(const Options& options)
{
    if (!options.file.empty())
        return directly({.file = file_named(options.file),
                         .journal = options.state_dir,
                         .wait = patience});
    if (!options.socket.empty()) {
        auto client = control::Client::connect(options.socket, patience);
        if (!client)
            return fail(client.error().code == Errc::denied ? Errc::denied
                                                            : Errc::timeout,
                        client.error().text);
        return through(std::move(*client));
    }
    const auto places = places_of(options);
    if (!places)
        return fail(places.error());
    if (!places->socket.empty()) {
        auto client = control::Client::connect(places->socket, patience);
        if (client)
            return through(std::move(*client));
        // Not there or not for us: the file's own mode decides, and a
        // relay-milter that runs takes over what we change.
        if (client.error().code != Errc::gone &&
            client.error().code != Errc::denied)
            return fail(client.error());
    }
    return directly(places->direct);
}

}  // namespace milters::vsmtprelay
