#include "policy/config/virus.h"

#include <algorithm>
#include <charconv>

namespace policy::config {
namespace {

using Strings = std::vector<std::string>;
using scan::Action;
using scan::ScanStatus;

constexpr ScanStatus judged[] = {ScanStatus::infected, ScanStatus::suspicious,
                                 ScanStatus::locked,   ScanStatus::oversize,
                                 ScanStatus::limits,   ScanStatus::error};

std::string member(const char* sequence, std::size_t i)
{
    return "virus." + std::string{sequence} + "[" + std::to_string(i) + "].";
}

/// Reads the section; collects what is wrong.
class Reader {
public:
    Reader(const Values& values, Problems& problems)
        : values_{values}, problems_{problems}
    {
    }

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
        out.rename_suffix = text("virus.rename_suffix");
        out.split_recipients = text("virus.recipients") == "split";
        out.skip_access = text("virus.skip.access");
        out.skip_networks =
            values_.get<std::vector<Network>>("virus.skip.networks");
        out.skip_authenticated = values_.get<bool>("virus.skip.authenticated");
        rules(out.rules);
        read_aftermath(values_, problems_, out);
        return out;
    }

private:
    std::string text(const std::string& name) const
    {
        return values_.get<std::string>(name);
    }

    std::uint64_t number(const std::string& name) const
    {
        return static_cast<std::uint64_t>(values_.get<std::int64_t>(name));
    }

    unsigned small(const std::string& name) const
    {
        return static_cast<unsigned>(number(name));
    }

    Milliseconds time(const std::string& name) const
    {
        return values_.get<Milliseconds>(name);
    }

    void complain(const std::string& name, const std::string& what)
    {
        problems_.push_back(values_.place(name) + ": " + name + ": " + what);
    }

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
        return value;
    }

    // --- rules ---

    Action action(const std::string& name)
    {
        return *scan::parse_action(text(name));  // a choice of the table
    }

    void rules(scan::Rules& out)
    {
        for (const ScanStatus status : judged)
            out.actions[static_cast<std::size_t>(status)] =
                action(std::string{"virus.actions."} + scan::name_of(status));
        for (std::size_t i = 0; i < values_.count("virus.groups"); ++i)
            out.groups.push_back(group(out, i));
        std::stable_sort(out.groups.begin(), out.groups.end(),
                         [](const scan::Group& a, const scan::Group& b) {
                             return a.priority > b.priority;
                         });
        for (std::size_t i = 0; i < values_.count("virus.signatures"); ++i)
            out.signatures.push_back(signature(out, i));
        for (std::size_t i = 0; i < values_.count("virus.attachments"); ++i)
            out.attachments.push_back(attachment(out, i));
        if (!out.attachments.empty() && text("virus.engine") == "clamd")
            complain("virus.engine",
                     "clamd does not tell what is in a message, as "
                     "virus.attachments needs");
    }

    /// Actions of the group that it inherits from, which stands before it.
    scan::ActionTable inherited(const scan::Rules& rules,
                                const std::string& key)
    {
        const std::string base = text(key);
        if (base.empty())
            return rules.actions;
        for (const scan::Group& group : rules.groups)
            if (group.name == base)
                return group.actions;
        complain(key, "'" + base + "' is not a group above this one");
        return rules.actions;
    }

    scan::Group group(const scan::Rules& rules, std::size_t i)
    {
        const std::string in = member("groups", i);
        scan::Group out;
        out.name = text(in + "name");
        if (out.name.empty())
            complain(in + "priority", "a group needs a name");
        out.priority = values_.get<std::int64_t>(in + "priority");
        out.senders = values_.get<Strings>(in + "senders");
        out.recipients = values_.get<Strings>(in + "recipients");
        out.networks = values_.get<std::vector<Network>>(in + "networks");
        out.users = values_.get<Strings>(in + "users");
        out.direction = scan::parse_direction(text(in + "direction"));
        out.disclaimer = values_.get<bool>(in + "disclaimer");
        out.scan = values_.get<bool>(in + "scan");
        out.place = values_.place(in + "name");
        out.actions = inherited(rules, in + "inherit");
        for (const ScanStatus status : judged)
            own_action(in + scan::name_of(status),
                       out.actions[static_cast<std::size_t>(status)]);
        return out;
    }

    void own_action(const std::string& name, Action& out)
    {
        const std::string word = text(name);
        if (word.empty())
            return;
        if (const auto own = scan::parse_action(word);
            own && *own != Action::rename)
            out = *own;
        else
            complain(name, "'" + word + "' is not an action");
    }

    scan::SignatureRule signature(const scan::Rules& rules, std::size_t i)
    {
        const std::string in = member("signatures", i);
        scan::SignatureRule out;
        out.match = text(in + "match");
        if (out.match.empty())
            complain(in + "action", "a rule needs match");
        out.action = action(in + "action");
        out.group = text(in + "group");
        must_be_group(rules, in + "group", out.group);
        out.reason = text(in + "reason");
        out.author = text(in + "author");
        out.place = values_.place(in + "match");
        if (const std::string day = text(in + "expires"); !day.empty())
            out.expires = date(in + "expires", day);
        return out;
    }

    void must_be_group(const scan::Rules& rules, const std::string& key,
                       const std::string& name)
    {
        if (!name.empty() &&
            std::none_of(rules.groups.begin(), rules.groups.end(),
                         [&](const auto& g) { return g.name == name; }))
            complain(key, "no group '" + name + "'");
    }

    std::optional<Seconds> date(const std::string& name, const std::string& day)
    {
        int y = 0;
        unsigned m = 0;
        unsigned d = 0;
        const char* const s = day.data();
        const bool read = day.size() == 10 && day[4] == '-' && day[7] == '-' &&
                          std::from_chars(s, s + 4, y).ptr == s + 4 &&
                          std::from_chars(s + 5, s + 7, m).ptr == s + 7 &&
                          std::from_chars(s + 8, s + 10, d).ptr == s + 10;
        const std::chrono::year_month_day ymd{
            std::chrono::year{y}, std::chrono::month{m}, std::chrono::day{d}};
        if (read && ymd.ok())
            return Seconds{std::chrono::sys_days{ymd}};
        complain(name, "'" + day + "' is not a day, as in 2026-12-31");
        return std::nullopt;
    }

    scan::AttachmentRule attachment(const scan::Rules& rules, std::size_t i)
    {
        const std::string in = member("attachments", i);
        scan::AttachmentRule out;
        out.names = values_.get<Strings>(in + "name");
        out.types = values_.get<Strings>(in + "type");
        out.mime = values_.get<Strings>(in + "mime");
        out.except = values_.get<Strings>(in + "except");
        out.group = text(in + "group");
        must_be_group(rules, in + "group", out.group);
        out.larger = number(in + "larger");
        out.inside = values_.get<bool>(in + "inside");
        out.action = action(in + "action");
        out.reason = text(in + "reason");
        out.place = values_.place(in + "name");
        return out;
    }

    const Values& values_;
    Problems& problems_;
};

}  // namespace

Virus read_virus(const Values& values, Problems& problems)
{
    return Reader{values, problems}.read();
}

}  // namespace policy::config
