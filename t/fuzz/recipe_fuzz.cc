#include "t/fuzz/recipe_fuzz.h"

#include <cstdint>
#include <cstdlib>

#include "policy/filter/smtp.h"
#include "policy/recipe/formail.h"
#include "policy/recipe/machine.h"

namespace fuzz {
namespace {

using namespace policy::recipe;

struct EmptyWorld : World {
    std::shared_ptr<const Plan> rc_file(const std::string&, const std::string&,
                                        Scope) override
    {
        return nullptr;
    }
};

void need(bool truth)
{
    if (!truth)
        std::abort();
}

}  // namespace

void recipe(std::string_view bytes)
{
    const std::size_t mark = bytes.find("\n%%\n");
    const std::string_view rc = bytes.substr(0, mark);
    const std::string_view mail = mark == bytes.npos
                                      ? std::string_view{"Subject: x\n\nbody\n"}
                                      : bytes.substr(mark + 4);
    const auto plan = make_plan(rc, "rc");
    if (!plan->usable())
        return;
    EmptyWorld world;
    RunSetup setup;
    setup.presets = {{"DEFAULT", "box"}};
    setup.host = "here";
    const auto message = std::make_shared<const Message>(std::string{mail});
    for (const bool agent : {false, true}) {
        setup.trace = agent;
        if (agent)
            setup.spool.emplace("/home/a", "here");
        const Outcome outcome = run(plan, message, setup, world);
        policy::filter::at_smtp_time(outcome, *message, {});
    }
}

void pattern(std::string_view bytes)
{
    const std::size_t newline = bytes.find('\n');
    const std::string text{newline == bytes.npos ? std::string_view{}
                                                 : bytes.substr(newline + 1)};
    for (const bool fold : {false, true}) {
        const Pattern made{std::string{bytes.substr(0, newline)}, fold};
        if (made.tree().too_large)
            continue;
        const Area area{text};
        Simulation slow = made.simulation();
        const bool found = slow.first_end(text, 0).has_value();
        need(made.matches(area) == found);
        need(made.with_mark(area).match == found);
        const PatternProgram program = compile_pattern(made.tree());
        Simulation threads{program, nullptr, Simulation::never};
        Simulation states{program, nullptr, 0};
        need(threads.first_end(text, 0) == states.first_end(text, 0));
        std::optional<Offset> one, other;
        need(threads.with_mark(text, 0, one).text ==
             states.with_mark(text, 0, other).text);
        need(one == other);
    }
}

void expansion(std::string_view bytes)
{
    const Lookup lookup = [&](std::string_view name) {
        return name.size() % 2 == 0 ? std::optional<std::string_view>{bytes}
                                    : std::nullopt;
    };
    for (const Words words : {Words::split, Words::first, Words::whole})
        for (const bool quoted : {false, true}) {
            const Expansion out = expand(bytes, words, lookup, 2048, quoted);
            need(out.used <= bytes.size());
            need(!out.words().empty());
            need(out.overflow || out.text.size() <= 2048 + 8);
        }
}

void message(std::string_view bytes)
{
    const Message made{std::string{bytes}};
    need(made.header().size() + made.body().size() == made.size());
    need(made.area(Part::both).text().size() == made.size());
    need(made.decoded_area(Part::head).text().size() <= 16 * made.size() + 64);
    need(made.decoded().types.size() <= 64 * made.size() + 64);
    const auto call = parse_formail({"formail", "-c", "-I", "To:", "-A", "A: b",
                                     "-i", "Cc: x", "-R", "B", "C", "-uE"});
    need(call.has_value());
    const std::string once = run_formail(*call, bytes);
    need(once.size() <= 8 * bytes.size() + 64);
}

}  // namespace fuzz

#ifdef FUZZ_TARGET
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size)
{
    fuzz::FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
    return 0;
}
#endif
