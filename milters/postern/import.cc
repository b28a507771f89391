#include "milters/postern/import.h"

#include <sysexits.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "milters/postern/options.h"
#include "policy/map/map.h"
#include "policy/migrate/migrate.h"

namespace milters::postern {
namespace {

namespace fs = std::filesystem;
namespace migrate = policy::migrate;
using migrate::Draft;
using migrate::Source;
using policy::Errc;
using policy::fail;
using policy::Result;

constexpr int something_left = 1;
constexpr const char* usual_templates = "/var/db/kav/5.6/kavmilter/templates";

struct Arguments {
    std::string from;
    std::string file;
    std::string groups;  ///< folder; empty: beside the file
    std::string templates = usual_templates;  ///< folder
};

Result<Source> read_source(const std::string& path)
{
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    if (in && in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    if (!in && errno != 0)
        return fail(Errc::io, path + ": " + std::strerror(errno));
    return Source{path, text.str()};
}

Result<std::vector<Source>> read_sources(const std::vector<std::string>& paths)
{
    std::vector<Source> all;
    for (const auto& path : paths) {
        auto source = read_source(path);
        if (!source)
            return fail(source.error());
        all.push_back(std::move(*source));
    }
    return all;
}

/// groups.d, or group.d, or what was named; default.conf last, since what is
/// of a group is looked for first.
std::vector<std::string> group_files(const Arguments& a)
{
    std::vector<std::string> paths;
    const auto beside = fs::path{a.file}.parent_path();
    for (const auto& folder :
         a.groups.empty()
             ? std::vector<fs::path>{beside / "groups.d", beside / "group.d"}
             : std::vector<fs::path>{a.groups}) {
        std::error_code error;
        for (const auto& entry : fs::directory_iterator{folder, error})
            if (entry.path().extension() == ".conf")
                paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

policy::Status kavmilter(const Arguments& a, Draft& draft)
{
    const auto conf = read_source(a.file);
    const auto groups = read_sources(group_files(a));
    if (!conf || !groups)
        return fail(conf ? groups.error() : conf.error());
    if (!a.groups.empty() && groups->empty())
        return fail(Errc::io, a.groups + ": no *.conf there");
    Source disclaimer;
    const auto path = a.templates + "/message_disclaimer";
    if (fs::exists(path)) {
        auto text = read_source(path);
        if (!text)
            return fail(text.error());
        disclaimer = std::move(*text);
    } else if (!fs::is_directory(a.templates) && a.templates != usual_templates)
        return fail(Errc::io, a.templates + ": no such folder");
    migrate::read_kavmilter(*conf, *groups, disclaimer, draft);
    return {};
}

policy::Status clamav_milter(const Arguments& a, Draft& draft)
{
    const auto conf = read_source(a.file);
    if (!conf)
        return fail(conf.error());
    const auto lists = read_sources(migrate::allow_lists(*conf));
    if (!lists)
        return fail(lists.error());
    migrate::read_clamav_milter(*conf, *lists, draft);
    return {};
}

policy::Status pop_before_smtp(const Arguments& a, Draft& draft)
{
    const auto conf = read_source(a.file);
    if (!conf)
        return fail(conf.error());
    migrate::read_pop_before_smtp(*conf, draft);
    return {};
}

int tell_left(const std::vector<migrate::Left>& left)
{
    for (const auto& one : left)
        std::cerr << one.line.place() << ": " << one.line.text() << ": "
                  << one.why << '\n';
    return left.empty() ? EX_OK : something_left;
}

int print_draft(const Draft& draft)
{
    policy::config::Problems problems;
    const auto text = draft.yaml(problems);
    if (!problems.empty()) {
        tell_left(draft.left());
        return complain(problems, EX_DATAERR);
    }
    std::cout << text;
    return tell_left(draft.left());
}

/// A map of DRAC or pop-before-smtp, as `vsmtprelay import` reads it.
int print_map(const Arguments& a)
{
    const auto map = policy::map::open_file(a.file, false)->current();
    if (!map)
        return complain({map.error().text}, EX_NOINPUT);
    std::vector<std::string> entries;
    std::vector<migrate::Left> left;
    const auto now = std::time(nullptr);
    (*map)->for_each([&](std::string_view key, std::string_view value) {
        migrate::Entry entry;
        if (migrate::read_grant(key, value, now, entry))
            entries.push_back(entry.address + "\t" + entry.ticks + "\n");
        else
            left.push_back(
                {{a.file, 0, "", std::string{key}, std::string{value}},
                 "not an address with the time of a login"});
    });
    std::sort(entries.begin(), entries.end());
    for (const auto& entry : entries)
        std::cout << entry;
    return tell_left(left);
}

}  // namespace

int import_from(int argc, const char* const* argv)
{
    Arguments a;
    CLI::App app{
        "Makes a postern.yaml of another program's configuration, and tells "
        "what cannot be carried over.",
        "postern import"};
    app.add_option("--groups", a.groups,
                   "KavMilter's groups (default groups.d beside the file)");
    app.add_option("--templates", a.templates,
                   "KavMilter's templates, for the text of its disclaimer "
                   "(default /var/db/kav/5.6/kavmilter/templates)");
    app.add_option("from", a.from,
                   "kavmilter, clamav-milter, pop-before-smtp, or map: the "
                   "Berkeley DB of DRAC or pop-before-smtp, for vsmtprelay "
                   "import")
        ->required()
        ->check(CLI::IsMember(
            {"kavmilter", "clamav-milter", "pop-before-smtp", "map"}));
    app.add_option("file", a.file, "its file")->required();
    if (const auto code = parse_arguments(app, argc, argv))
        return *code;
    if (a.from == "map")
        return print_map(a);
    Draft draft;
    const auto read = a.from == "kavmilter"       ? kavmilter(a, draft)
                      : a.from == "clamav-milter" ? clamav_milter(a, draft)
                                                  : pop_before_smtp(a, draft);
    if (!read)
        return complain({read.error().text}, EX_NOINPUT);
    return print_draft(draft);
}

}  // namespace milters::postern
