#include "milters/vsmtprelay/commands.h"

#include <sysexits.h>

#include <iostream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <thread>

#include "milters/vsmtprelay/text.h"
#include "policy/relayers/grant_text.h"
#include "policy/text_file.h"

namespace milters::vsmtprelay {
namespace {

using control::Json;
using policy::relayers::Grant;

constexpr std::chrono::milliseconds watch_pause{200};

/// One run: what all commands need.
struct Run {
    const Options& options;
    const Ask& ask;
    std::ostream& out;
    std::ostream& err;

    int complain(int exit, const std::string& text) const
    {
        err << "vsmtprelay: " << text << '\n';
        return exit;
    }
    int complain(const policy::Error& error) const
    {
        return complain(control::exit_code(error.code), error.text);
    }

    /// Asks; `done` gets an answer that is ok.
    template <class Done>
    int request(const Json& request, Done done) const
    {
        const auto answer = ask(request);
        if (!answer)
            return complain(answer.error());
        try {
            if (!answer->at("ok").template get<bool>())
                return complain(
                    answer->value("exit", EX_SOFTWARE),
                    answer->at("error").template get<std::string>());
            return done(*answer);
        } catch (const std::exception& e) {
            return complain(EX_PROTOCOL, e.what());
        }
    }
};

std::vector<Grant> grants_of(const Json& answer)
{
    const auto grants = control::parse_entries(
        answer.at("entries").get<std::string>(), "answer");
    if (!grants)  // half a list shall not pass for a whole one
        throw std::runtime_error{grants.error().text};
    return *grants;
}

std::string text_of(const Grant& grant, const Options& options)
{
    if (options.json)
        return control::line_of(json_of(grant));
    return options.makemap ? control::entries_text({grant}) : listing(grant);
}

std::string others_of(const Json& answer, const Options& options)
{
    std::string text;
    for (const auto& entry : answer.value("others", Json::array())) {
        const auto key =
            policy::relayers::percent_decoded(entry.at(0).get<std::string>());
        const auto value =
            policy::relayers::percent_decoded(entry.at(1).get<std::string>());
        text += options.json
                    ? control::line_of({{"key", key}, {"value", value}})
                    : other_listing(key, value, !options.makemap);
    }
    return text;
}

/// Asks for page after page, and prints when the last one is there: half a
/// list shall not pass for a whole one.
template <class Text>
int print_pages(const Run& run, Json request, Text text_of_page)
{
    std::string text;
    int exit = EX_OK;
    for (bool more = true; more && exit == EX_OK;)
        exit = run.request(request, [&](const Json& answer) {
            text += text_of_page(answer);
            more = answer.contains("next");
            if (more)
                request["after"] = answer.at("next");
            return EX_OK;
        });
    if (exit == EX_OK)
        run.out << text;
    return exit;
}

int print_entries(const Run& run, const Json& request)
{
    return print_pages(run, request, [&](const Json& answer) {
        std::string text;
        for (const auto& grant : grants_of(answer))
            text += text_of(grant, run.options);
        return text + others_of(answer, run.options);
    });
}

int add(const Run& run)
{
    const auto& o = run.options;
    Json request{{"command", "add"}, {"address", o.address}};
    if (!o.ticks.empty()) {
        const auto time = policy::relayers::parse_ticks(o.ticks);
        if (!time)
            return run.complain(EX_DATAERR,
                                o.ticks + ": not a time in seconds since 1970");
        request["ticks"] = time->time_since_epoch().count();
    }
    if (o.length)
        request["for"] = o.length->count();
    for (const auto& [name, text] : {std::pair{"user", o.user},
                                     {"service", o.service},
                                     {"reason", o.reason}})
        if (!text.empty())
            request[name] = text;
    return run.request(request, [](const Json&) { return EX_OK; });
}

int remove(const Run& run)
{
    return run.request(
        {{"command", "delete"}, {"addresses", run.options.addresses}},
        [](const Json&) { return EX_OK; });
}

int list(const Run& run)
{
    Json request{{"command", "list"}, {"minutes", run.options.minutes}};
    if (run.options.newer)
        request["newer"] = *run.options.newer;
    if (!run.options.user.empty())
        request["user"] = run.options.user;
    return print_entries(run, request);
}

int expire(const Run& run)
{
    const Json request{{"command", "expire"},
                       {"minutes", run.options.minutes},
                       {"dry_run", run.options.dry_run}};
    if (run.options.dry_run)
        return print_entries(run, request);
    return run.request(request, [](const Json&) { return EX_OK; });
}

int dump(const Run& run)
{
    return print_entries(run, {{"command", "dump"}});
}

int show(const Run& run)
{
    const Json request{{"command", "show"}, {"address", run.options.address}};
    return run.request(request, [&](const Json& answer) {
        const auto grants = grants_of(answer);
        for (std::size_t i = 0; i < grants.size(); ++i) {
            const auto standing =
                answer.at("standing").at(i).get<std::string>();
            const auto& end = answer.at("ends").at(i);
            if (run.options.json) {
                auto json = json_of(grants[i]);
                json["standing"] = standing;
                json["ends"] = end;
                run.out << control::line_of(json);
                continue;
            }
            run.out << listing(grants[i]) << "# " << standing;
            if (!end.is_null())
                run.out << (standing == "valid" ? ", until " : " since ")
                        << asctime_utc(policy::Seconds{
                               std::chrono::seconds{end.get<std::int64_t>()}});
            run.out << '\n';
        }
        return EX_OK;
    });
}

policy::Result<std::string> read_input(const std::string& path)
{
    if (path == "-")
        return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
    return policy::text_of_file(path);
}

/// Reads all before it sends any; what is sent goes in large parts.
int import(const Run& run)
{
    const auto& input = run.options.input;
    const auto text = read_input(input);
    if (!text)
        return run.complain(text.error());
    const auto grants = read_entries(*text, input == "-" ? "stdin" : input);
    if (!grants)
        return run.complain(grants.error());
    std::string part;
    const auto send = [&] {
        return run.request({{"command", "import"}, {"entries", part}},
                           [](const Json&) { return EX_OK; });
    };
    for (const auto& grant : *grants) {
        part += control::entries_text({grant});
        if (part.size() < control::import_part)
            continue;
        if (const int exit = send(); exit != EX_OK)
            return exit;
        part.clear();
    }
    return part.empty() ? EX_OK : send();
}

int export_all(const Run& run)
{
    return print_pages(run, {{"command", "export"}}, [](const Json& answer) {
        std::string text;
        for (const auto& grant : grants_of(answer))
            text += exported(grant);
        return text;
    });
}

void print_event(const Run& run, const Json& event)
{
    const auto time = policy::Seconds{
        std::chrono::seconds{event.at("time").get<std::int64_t>()}};
    const auto kind = event.at("event").get<std::string>();
    const auto grants =
        event.contains("entries") ? grants_of(event) : std::vector<Grant>{};
    if (run.options.json) {
        Json json{{"at", iso_utc(time)}, {"event", kind}};
        if (!grants.empty())
            json.update(json_of(grants.front()));
        run.out << control::line_of(json);
    } else {
        run.out << iso_utc(time) << ' ' << kind;
        run.out << (grants.empty() ? "\n"
                                   : " " + control::entries_text(grants));
    }
}

int watch(const Run& run)
{
    Json request{{"command", "watch"}};
    int exit = EX_OK;
    while (exit == EX_OK && run.out) {
        exit = run.request(request, [&](const Json& answer) {
            for (const auto& event : answer.at("events"))
                print_event(run, event);
            request["after"] = answer.at("next");
            return EX_OK;
        });
        run.out.flush();
        std::this_thread::sleep_for(watch_pause);
    }
    return exit;
}

int stats(const Run& run)
{
    return run.request({{"command", "stats"}}, [&](const Json& answer) {
        Json numbers = answer;
        numbers.erase("ok");
        if (run.options.json) {
            run.out << control::line_of(numbers);
            return EX_OK;
        }
        for (const auto& [name, value] : numbers.items())
            run.out << name << '\t'
                    << (value.is_string() ? value.get<std::string>()
                                          : value.dump())
                    << '\n';
        return EX_OK;
    });
}

int verify(const Run& run)
{
    const Json request{{"command", "verify"}, {"repair", run.options.repair}};
    return run.request(request, [&](const Json& answer) {
        for (const auto& line : answer.at("problems"))
            run.err << "vsmtprelay: " << line.get<std::string>() << '\n';
        for (const auto& line : answer.at("repairs"))
            run.out << line.get<std::string>() << '\n';
        const bool fine = answer.at("problems").empty();
        if (fine)
            run.out << "no problems found\n";
        return fine || !answer.at("repairs").empty() ? 0 : 1;
    });
}

const std::map<std::string, int (*)(const Run&)> commands{
    {"add", add},       {"delete", remove},     {"list", list},
    {"expire", expire}, {"dump", dump},         {"show", show},
    {"import", import}, {"export", export_all}, {"watch", watch},
    {"stats", stats},   {"verify", verify}};

}  // namespace

int run(const Options& options, const Ask& ask, std::ostream& out,
        std::ostream& err)
{
    const Run all{options, ask, out, err};
    const int exit = commands.at(options.command)(all);
    out.flush();
    if (!out && exit == EX_OK)
        return all.complain(EX_IOERR, "cannot write the output");
    return exit;
}

}  // namespace milters::vsmtprelay
