// The hard limits of recipes, each at its bound and one past it.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"

using namespace policy::recipe;

namespace {

/// Files that include one another: N.rc has INCLUDERC=N+1.rc.
struct Chain : World {
    std::size_t length = 0;
    std::shared_ptr<const Plan> rc_file(const std::string& path,
                                        const std::string&, Scope) override
    {
        const std::size_t number = std::stoul(path);
        std::string text = "DEPTH=" + path + "\n";
        if (number < length)
            text += "INCLUDERC=" + std::to_string(number + 1) + "\n";
        return make_plan(text, path);
    }
};

Outcome run_text(const std::string& rc, World& world, RunSetup setup = {})
{
    setup.presets = {{"DEFAULT", "box"}};
    return run(make_plan(rc, "rc"),
               std::make_shared<const Message>("Subject: s\n\nbody\n"), setup,
               world);
}

std::string value(const Outcome& outcome, const std::string& name)
{
    for (const auto& [known, text] : outcome.variables)
        if (known == name)
            return text;
    return "";
}

std::string repeated(std::size_t count, const std::string& text)
{
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
        out += text;
    return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recipe_limits)

BOOST_AUTO_TEST_CASE(files_inside_each_other)
{
    Chain world;
    world.length = limits::includes - 1;  // the first file is open, too
    Outcome out = run_text("INCLUDERC=1\n", world);
    BOOST_TEST(value(out, "DEPTH") == std::to_string(limits::includes - 1));
    BOOST_TEST(out.errors.empty());
    world.length = limits::includes;
    out = run_text("INCLUDERC=1\n", world);
    BOOST_TEST(value(out, "DEPTH") == std::to_string(limits::includes - 1));
    BOOST_TEST(out.errors.size() == 1U);
}

BOOST_AUTO_TEST_CASE(files_of_one_message)
{
    Chain world;
    const std::string one = "INCLUDERC=0\n";
    BOOST_TEST(
        run_text(repeated(limits::files_a_message, one), world).errors.empty());
    BOOST_TEST(run_text(repeated(limits::files_a_message + 1, one), world)
                   .errors.size() == 1U);
}

BOOST_AUTO_TEST_CASE(steps_of_one_message)
{
    Chain world;
    // Each file is a step of its own and has one.
    const auto ending = [&](std::size_t steps) {
        return run_text(repeated(steps, "A=b\n"), world).ending;
    };
    BOOST_TEST((ending(limits::steps_a_message) == Ending::fell_off));
    BOOST_TEST((ending(limits::steps_a_message + 1) == Ending::limit));
}

BOOST_AUTO_TEST_CASE(lines)
{
    Chain world;
    const auto kept = [&](const std::string& linebuf, std::size_t bytes) {
        return value(run_text("LINEBUF=" + linebuf + "\nX='" +
                                  std::string(bytes, 'x') + "'\n",
                              world),
                     "X")
            .size();
    };
    const std::size_t name = 2;  // X=
    BOOST_TEST(kept("1", limits::line_min - name) == limits::line_min - name);
    BOOST_TEST(kept("1", limits::line_min - name + 1) == 0U);
    BOOST_TEST(kept("99999999", limits::line_max - name) ==
               limits::line_max - name);
    BOOST_TEST(kept("99999999", limits::line_max - name + 1) == 0U);
}

BOOST_AUTO_TEST_CASE(variables)
{
    Variables all;
    for (std::size_t i = 0; i < limits::variables; ++i)
        BOOST_TEST_REQUIRE(all.set("V" + std::to_string(i), ""));
    BOOST_TEST(!all.set("ONE_MORE", ""));
    BOOST_TEST(all.set("V0", "other"));
    Variables large;
    BOOST_TEST(large.set("A", std::string(limits::variable_bytes - 1, 'x')));
    BOOST_TEST(!large.set("B", ""));
    BOOST_TEST(!large.set("A", std::string(limits::variable_bytes, 'x')));
}

BOOST_AUTO_TEST_CASE(sizes_of_patterns)
{
    // A letter is one instruction; the one that says it matched is not counted.
    const Pattern most{std::string(limits::pattern_size, 'a'), true};
    const Pattern more{std::string(limits::pattern_size + 1, 'a'), true};
    BOOST_TEST(!most.invalid());
    BOOST_TEST(more.invalid());
    const Area text{std::string(limits::pattern_size + 1, 'a')};
    BOOST_TEST(most.matches(text));
    BOOST_TEST(!more.matches(text));
}

/// Sets of single bytes: each costs the automaton a lot, and the simulation,
/// which then does all the work, nothing more than a letter.
BOOST_AUTO_TEST_CASE(memory_of_an_automaton)
{
    std::string set = "[";
    for (int byte = 3; byte < 0x100; byte += 2)
        if (std::string_view{"]^-"}.find(static_cast<char>(byte)) ==
            std::string_view::npos)
            set += static_cast<char>(byte);
    set += "]";
    const auto made = [&](std::size_t sets) {
        return std::make_unique<Pattern>(repeated(sets, set), false);
    };
    std::size_t fits = 1, large = limits::pattern_size;
    BOOST_REQUIRE(made(fits)->has_automaton());
    BOOST_REQUIRE(!made(large)->has_automaton());
    while (large - fits > 1) {
        const std::size_t middle = (fits + large) / 2;
        (made(middle)->has_automaton() ? fits : large) = middle;
    }
    // An instruction of an automaton has 16 bytes, and a set takes one for
    // each of its bytes.
    BOOST_TEST(fits * 16 * 100 < limits::automaton_bytes);
    for (const std::size_t sets : {fits, large}) {
        const auto pattern = made(sets);
        BOOST_TEST(!pattern->invalid());
        BOOST_TEST(pattern->matches(Area{"b" + std::string(sets, 'a')}));
        BOOST_TEST(!pattern->matches(Area{"b" + std::string(sets - 1, 'a')}));
    }
}

/// (a|b)*a and then any n letters: there are 2^n states.
BOOST_AUTO_TEST_CASE(memory_of_states)
{
    std::string text;
    std::uint32_t number = 1;
    for (int i = 0; i < 200'000; ++i) {
        number = number * 1664525 + 1013904223;
        text += number >> 31 ? 'a' : 'b';
    }
    const auto states_for = [&](std::size_t n) {
        const auto program = compile_pattern(
            read_pattern("a" + repeated(n, "(a|b)") + "c", true));
        States states{program, true};
        States::Id now = states.at({}, 0);
        std::size_t most = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            now = states.next(now, static_cast<unsigned char>(text[i]), i);
            most = std::max(most, states.bytes());
            BOOST_REQUIRE(!states.matched(now));
        }
        return std::pair{most, states.pays()};
    };
    const auto [few, few_pay] = states_for(4);
    BOOST_TEST(few < limits::state_bytes / 8);
    BOOST_TEST(few_pay);
    const auto [many, many_pay] = states_for(16);
    BOOST_TEST(many <= limits::state_bytes);
    BOOST_TEST(many > limits::state_bytes / 2);
    BOOST_TEST(!many_pay);
}

BOOST_AUTO_TEST_CASE(time_ends_a_search_and_the_run)
{
    Chain world;
    RunSetup setup;
    int asked = 0;
    setup.late = [&asked](Scope) { return ++asked > 3; };
    PlanOptions lean;
    lean.lean = true;
    const auto plan = make_plan(":0 B\n* ! (a*)*b\n/dev/null\n", "u", lean);
    const auto message = std::make_shared<const Message>(
        "Subject: s\n\n" + std::string(1 << 20, 'a'));
    setup.presets = {{"DEFAULT", "box"}};
    const Outcome out = run({{plan, "u", Scope::user}}, message, setup, world);
    BOOST_TEST((out.ending == Ending::limit));
    BOOST_TEST(out.effects.empty());
    BOOST_TEST(asked < 10);
}

/// A search that begins again behind each match, and runs to the end of the
/// line each time.
BOOST_AUTO_TEST_CASE(time_ends_searches_of_the_site_too)
{
    Chain world;
    RunSetup setup;
    int asked = 0;
    setup.late = [&asked](Scope) { return ++asked > 50; };
    setup.presets = {{"DEFAULT", "box"}};
    const auto message = std::make_shared<const Message>(
        "Subject: s\n\n" + std::string(1 << 20, 'a'));
    const auto plan = make_plan(":0 B\n* 1^1 a\\/(.*b)?\n/dev/null\n", "rc");
    const Outcome out = run({{plan, "rc", Scope::site}}, message, setup, world);
    BOOST_TEST((out.ending == Ending::limit));
    BOOST_TEST(asked < 60);
}

BOOST_AUTO_TEST_SUITE_END()
