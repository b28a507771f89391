#include "policy/config/virus.h"

#include <algorithm>

#include "policy/config/section.h"

namespace policy::config {
namespace {

using Strings = std::vector<std::string>;

/// What a message is read, traced and answered by.
const scan::Masks needed_headers{
    "re:(resent-)?(from|to|cc|bcc|date|sender|message-id|reply-to)",
    "re:received(-spf)?|return-path|subject|in-reply-to|references|mime-"
    "version",
    "re:(content|list|arc|auto|disposition)-.*|dkim-signature|"
    "authentication-results|precedence|errors-to|delivered-to"};

/// Reads the section; collects what is wrong.
class Reader : SectionReader {
public:
    using SectionReader::SectionReader;

    Virus read()
    {
        Virus out;
        sockets(out);
        scanner(out);
        engine(out.scan);
        clamd(out);
        out.header_scanned = header("virus.headers.scanned");
        out.header_status = header("virus.headers.status");
        out.reject_text = text("virus.reject_text");
        out.strip_text = text("virus.strip_text");
        out.header_anti_virus = header("virus.headers.anti_virus");
        must_differ(out);
        out.rename_suffix = text("virus.rename_suffix");
        out.split_recipients = text("virus.recipients") == "split";
        out.skip_access_given = values_.given("virus.skip.access");
        out.skip_access = text("virus.skip.access");
        out.skip_networks =
            values_.get<std::vector<Network>>("virus.skip.networks");
        out.skip_authenticated = values_.get<bool>("virus.skip.authenticated");
        read_rules(values_, problems_, out.rules);
        read_aftermath(values_, problems_, out);
        return out;
    }

private:
    void sockets(Virus& out)
    {
        out.socket = values_.get<SocketSpec>("virus.socket");
        if (out.socket.off())
            complain("virus.socket", "the milter needs a socket");
        out.pid_file = text("virus.pid_file");
        if (out.pid_file.empty())
            out.pid_file =
                out.socket.kind == SocketSpec::Kind::unix_path
                    ? out.socket.path.substr(0, out.socket.path.rfind('/')) +
                          "/virus.pid"
                    : "/run/postern/virus.pid";
        out.socket_owner = text("virus.socket_owner");
        out.socket_group = text("virus.socket_group");
        out.socket_mode = small("virus.socket_mode");
        out.control_socket = values_.get<SocketSpec>("virus.control_socket");
        out.control_group = text("virus.control_group");
        out.control_mode = small("virus.control_mode");
    }

    void scanner(Virus& out)
    {
        out.engine = text("virus.engine");
        out.scanner = text("virus.scanner");
        out.scanner_user = text("virus.scanner_user");
        out.workers = small("virus.workers");
        out.temp_dir = text("virus.temp_dir");
        out.temp_size = number("virus.temp_size");
        out.worker_memory = number("virus.worker_memory");
        out.deadline = time("virus.deadline");
        out.load_time = time("virus.load_time");
        out.max_waiting = small("virus.max_waiting");
        out.max_message = number("virus.max_message");
        out.watch = time("virus.watch");
        out.serial = text("virus.reload") == "serial";
        out.max_age =
            std::chrono::ceil<std::chrono::seconds>(time("virus.max_age"));
        out.refuse_stale = text("virus.stale") == "tempfail";
        out.expect_eicar = text("virus.self_test") == "eicar";
        out.known_clean = values_.get<Strings>("virus.known_clean");
        out.cache = small("virus.cache");
        out.cache_by_body = text("virus.cache_key") == "body";
    }

    void engine(scan::EngineOptions& out)
    {
        out.database = text("virus.database");
        out.part_cache = small("virus.part_cache");
        out.limits.scan_size = number("virus.limits.scan_size");
        out.limits.file_size = number("virus.limits.file_size");
        out.limits.recursion = small("virus.limits.recursion");
        out.limits.files = small("virus.limits.files");
        out.limits.scan_time = time("virus.limits.scan_time");
        out.detect.pua = values_.get<bool>("virus.detect.pua");
        out.detect.encrypted = values_.get<bool>("virus.detect.encrypted");
        out.detect.macros = values_.get<bool>("virus.detect.macros");
        out.detect.broken = values_.get<bool>("virus.detect.broken");
        out.detect.phishing = values_.get<bool>("virus.detect.phishing");
    }

    void clamd(Virus& out)
    {
        for (const std::string& server :
             values_.get<Strings>("virus.clamd.servers")) {
            const auto spec = SocketSpec::parse(server);
            if (!spec || spec->off())
                complain("virus.clamd.servers",
                         "'" + server + "' is not a socket");
            else
                out.clamd.push_back(*spec);
        }
        out.clamd_timeout = time("virus.clamd.timeout");
        out.clamd_probe = time("virus.clamd.probe");
        out.clamd_verify = values_.get<bool>("virus.clamd.verify");
        if (out.engine == "clamd" && out.clamd.empty())
            complain("virus.engine", "clamd needs virus.clamd.servers");
    }

    /// A name of a header that can be written (RFC 5322, ftext).
    std::string header(const std::string& name)
    {
        std::string value = text(name);
        if (std::any_of(value.begin(), value.end(),
                        [](char c) { return c <= ' ' || c > '~' || c == ':'; }))
            complain(name, "'" + value + "' is not a name of a header");
        // Headers of this name that a message has are removed.
        if (scan::any_match(needed_headers, value))
            complain(name, "messages need their own '" + value + "'");
        return value;
    }

    /// Each takes the other's away.
    void must_differ(const Virus& out)
    {
        const std::pair<const char*, std::string> names[] = {
            {"virus.headers.scanned", out.header_scanned},
            {"virus.headers.status", out.header_status},
            {"virus.headers.anti_virus", out.header_anti_virus}};
        for (std::size_t i = 0; i < std::size(names); ++i)
            for (std::size_t j = 0; j < i; ++j)
                if (!names[i].second.empty() &&
                    scan::glob_match(names[i].second, names[j].second))
                    complain(names[i].first, "'" + names[i].second +
                                                 "' is also " + names[j].first);
    }
};

}  // namespace

Virus read_virus(const Values& values, const std::string& mail_dir,
                 Problems& problems)
{
    Virus out = Reader{values, problems}.read();
    if (!out.skip_access_given)
        out.skip_access = mail_dir + "/access";
    return out;
}

}  // namespace policy::config
