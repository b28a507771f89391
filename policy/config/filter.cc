#include "policy/config/filter.h"

namespace policy::config {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* mode_key = "filter.socket_mode";

/// Reads the section; collects what is wrong.
class Reader {
public:
    Reader(const Values& values, std::string mail_dir, Problems& problems)
        : values_{values}, mail_dir_{std::move(mail_dir)}, problems_{problems}
    {
    }

    Filter read()
    {
        Filter out;
        sockets(out);
        files(out);
        actions(out);
        programs(out);
        lookups(out);
        out.skip_networks =
            values_.get<std::vector<Network>>("filter.skip.networks");
        out.skip_authenticated = values_.get<bool>("filter.skip.authenticated");
        return out;
    }

private:
    std::string text(const std::string& name) const
    {
        return values_.get<std::string>(name);
    }

    std::string path_or(const std::string& name, const std::string& other) const
    {
        return values_.given(name) ? text(name) : other;
    }

    Milliseconds time(const std::string& name) const
    {
        return values_.get<Milliseconds>(name);
    }

    void complain(const std::string& name, const std::string& what)
    {
        problems_.push_back(values_.place(name) + ": " + name + ": " + what);
    }

    void absolute(const std::string& name, const std::string& path)
    {
        if (path.empty() || path.front() != '/')
            complain(name, "'" + path + "' is not an absolute path");
    }

    void sockets(Filter& out)
    {
        out.socket = values_.get<SocketSpec>("filter.socket");
        if (out.socket.off())
            complain("filter.socket", "the milter needs a socket");
        const bool local = out.socket.kind == SocketSpec::Kind::unix_path;
        const std::string dir =
            local ? out.socket.path.substr(0, out.socket.path.rfind('/') + 1)
                  : "/run/postern/";
        out.pid_file = path_or("filter.pid_file", dir + "filter.pid");
        out.socket_owner = text("filter.socket_owner");
        out.socket_group = text("filter.socket_group");
        out.socket_mode =
            static_cast<unsigned>(values_.get<std::int64_t>(mode_key));
    }

    /// A path in which only these letters may follow a percent sign.
    std::string pattern(const std::string& name, const char* letters)
    {
        std::string path = text(name);
        if (path.empty())
            return path;
        absolute(name, path);
        for (std::size_t at = path.find('%'); at != path.npos;
             at = path.find('%', at + 1))
            if (at + 1 == path.size() || std::string_view{letters}.find(
                                             path[at + 1]) == std::string::npos)
                complain(name,
                         "only these may follow %: " + std::string{letters});
        return path;
    }

    void files(Filter& out)
    {
        out.site_rc_given = values_.given("filter.site_rc");
        out.site_rc = path_or("filter.site_rc", mail_dir_ + "/filterrc");
        out.domain_rc = pattern("filter.domain_rc", "d");
        out.user_rc = pattern("filter.user_rc", "ud");
        out.user_domains = values_.get<Strings>("filter.user_domains");
        out.broken_user_waits = text("filter.user_broken") == "tempfail";
        out.user_time = time("filter.user_time");
        out.time = time("filter.time");
        out.include_dir =
            path_or("filter.include_dir",
                    out.site_rc.substr(0, out.site_rc.rfind('/') + 1));
    }

    void actions(Filter& out)
    {
        out.user_actions = values_.get<Strings>("filter.user_actions");
        out.null_rejects = text("filter.dev_null") == "reject";
        out.folder_as_recipient = text("filter.folder") == "recipient";
        out.folder_header = text("filter.folder_header");
        if (out.folder_header.empty() ||
            out.folder_header.find_first_of(" \t:\r\n") != std::string::npos)
            complain("filter.folder_header", "is not the name of a header");
        out.quarantine_folders =
            values_.get<Strings>("filter.quarantine_folders");
        out.apart = text("filter.differ") == "apart";
        out.max_message = static_cast<std::uint64_t>(
            values_.get<std::int64_t>("filter.max_message"));
    }

    void programs(Filter& out)
    {
        out.programs = values_.get<Strings>("filter.programs");
        for (const auto& path : out.programs)
            absolute("filter.programs", path);
        out.program_user = text("filter.program_user");
        out.program_time = time("filter.program_time");
    }

    void lookups(Filter& out)
    {
        out.access_given = values_.given("filter.access");
        out.access = path_or("filter.access", mail_dir_ + "/access");
        out.classes = {{"local-host-names", mail_dir_ + "/local-host-names"},
                       {"relay-domains", mail_dir_ + "/relay-domains"}};
        for (const auto& item : values_.get<Strings>("filter.classes")) {
            const auto equals = item.find('=');
            if (equals == 0 || equals == item.npos)
                complain("filter.classes", "'" + item + "' is not NAME=/path");
            else
                absolute("filter.classes", item.substr(equals + 1));
            if (equals != item.npos)
                out.classes.emplace_back(item.substr(0, equals),
                                         item.substr(equals + 1));
        }
    }

    const Values& values_;
    std::string mail_dir_;
    Problems& problems_;
};

}  // namespace

Filter read_filter(const Values& values, const std::string& mail_dir,
                   Problems& problems)
{
    return Reader{values, mail_dir, problems}.read();
}

}  // namespace policy::config
