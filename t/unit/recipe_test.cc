#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <random>

#include "policy/recipe/automaton.h"
#include "policy/recipe/expand.h"
#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"
#include "policy/recipe/parse.h"
#include "policy/recipe/plan.h"

using namespace policy::recipe;

namespace {

/// No other files.
struct EmptyWorld : World {
    std::shared_ptr<const Plan> rc_file(const std::string&, const std::string&,
                                        Scope) override
    {
        return nullptr;
    }
};

Outcome run_text(const std::string& rc, const std::string& message,
                 bool trace = false)
{
    EmptyWorld world;
    RunSetup setup;
    setup.presets = {{"DEFAULT", "box"}};
    setup.host = "here";
    setup.trace = trace;
    return run(make_plan(rc, "rc"),
               std::make_shared<const Message>(std::string{message}), setup,
               world);
}

std::string value(const Outcome& outcome, const std::string& name)
{
    for (const auto& [known, text] : outcome.variables)
        if (known == name)
            return text;
    return "(unset)";
}

std::string repeated(std::size_t count, const std::string& text)
{
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
        out += text;
    return out;
}

std::string first_problem(const std::string& rc)
{
    const auto plan = make_plan(rc, "rc");
    for (const Problem& problem : plan->problems())
        if (problem.fatal)
            return std::to_string(problem.line) + ": " + problem.text;
    return "";
}

const std::string mail = "Subject: hello world\nTo: a@b\n c\n\nbody one\n";

}  // namespace

BOOST_AUTO_TEST_SUITE(recipe)

BOOST_AUTO_TEST_CASE(words_are_cut_as_sh_cuts_them)
{
    const Lookup set = [](std::string_view name) {
        return name == "A" ? std::optional<std::string_view>{"x y"}
                           : std::nullopt;
    };
    const auto words = expand("$A \"$A\" '$A' ${B:-z}w #no", Words::split, set);
    const std::vector<std::string> want = {"x", "y", "x y", "$A", "zw"};
    BOOST_TEST(words.words() == want, boost::test_tools::per_element());
    BOOST_TEST(expand("$\\A", Words::first, set).first() == "()x y");
    BOOST_TEST(expand("a\\\nb c", Words::first, set).first() == "ab");
    BOOST_TEST(expand("${A+p}${B+q}${A-r}", Words::first, set).first() ==
               "px y");
    BOOST_TEST(expand("${A%x}", Words::first, set).bad_substitutions.size() ==
               1U);
    BOOST_TEST(expand("'a", Words::first, set).unexpected_end);
}

BOOST_AUTO_TEST_CASE(what_nobody_meant_is_refused_with_its_line)
{
    BOOST_TEST(first_problem(":0\n* x\n\n:0\nbox\n") == "1: Missing action");
    BOOST_TEST(first_problem("A=1\n:0 { A=1 }\nx\n").substr(0, 2) == "2:");
    BOOST_TEST(first_problem(":0\n{A=1}\n").substr(0, 2) == "2:");
    BOOST_TEST(first_problem(":0\n* (a\nbox\n") == "2: Invalid regexp \"(a\"");
    BOOST_TEST(first_problem(":0\n| sh -c x\n").substr(0, 2) == "2:");
    BOOST_TEST(first_problem("A=`date`\n").substr(0, 2) == "1:");
    BOOST_TEST(first_problem(":0\n* ? test\nx\n").substr(0, 2) == "2:");
    BOOST_TEST(first_problem("A=${B%x}\n") == "1: Bad substitution of \"B\"");
    BOOST_TEST(first_problem("junk; junk\n").substr(0, 2) == "1:");
    BOOST_TEST(first_problem("}\n") == "1: Closing brace unexpected");
    BOOST_TEST(first_problem(":0\n{ \n").substr(0, 2) == "2:");
    BOOST_TEST(first_problem(":0\n* a\\/+\nx\n").substr(0, 2) == "2:");
    BOOST_TEST(first_problem(":0\r\n* x\r\nbox\r\n").empty());
    const auto plan = make_plan(":0\n| a\n:0\n* (\nb\nC=`d`\n", "rc");
    BOOST_TEST(plan->problems().size() == 3U);
}

BOOST_AUTO_TEST_CASE(limits_hold_at_and_behind_them)
{
    const std::string one = ":0\nbox\n";
    BOOST_TEST(first_problem(repeated(limits::recipes, one)).empty());
    BOOST_TEST(!first_problem(repeated(limits::recipes + 1, one)).empty());
    const auto nest = [](std::size_t depth) {
        return repeated(depth, ":0\n{\n") + repeated(depth, "}\n");
    };
    BOOST_TEST(first_problem(nest(limits::nesting)).empty());
    BOOST_TEST(!first_problem(nest(limits::nesting + 1)).empty());
    const auto many = [](std::size_t count) {
        return ":0\n" + repeated(count, "* x\n") + "box\n";
    };
    BOOST_TEST(first_problem(many(limits::conditions)).empty());
    BOOST_TEST(!first_problem(many(limits::conditions + 1)).empty());
    const auto groups = [](std::size_t depth) {
        return ":0\n* x" + repeated(depth, "(") + repeated(depth, ")") +
               "\nbox\n";
    };
    BOOST_TEST(first_problem(groups(limits::pattern_depth)).empty());
    BOOST_TEST(!first_problem(groups(limits::pattern_depth + 1)).empty());
    const std::string bulk(limits::rc_bytes, '\n');
    BOOST_TEST(first_problem(bulk).empty());
    BOOST_TEST(first_problem(bulk + "\n") == "1: The file is too long");
    const std::string fits(limits::line_default - 2, 'x');
    BOOST_TEST(value(run_text("A=" + fits + "\n", mail), "A") == fits);
    BOOST_TEST(value(run_text("A=" + fits + "x\n", mail), "A") == "(unset)");
    const auto forward = [](std::size_t count) {
        return run_text(":0\n!" + repeated(count, " a@b") + "\n", mail).ending;
    };
    BOOST_TEST((forward(limits::forwards) == Ending::delivered));
    BOOST_TEST((forward(limits::forwards + 1) == Ending::limit));
    const auto clone = [](std::size_t count) {
        return run_text(repeated(count, ":0c\n{\nHOST\n}\n"), mail).ending;
    };
    BOOST_TEST((clone(limits::clones) == Ending::fell_off));
    BOOST_TEST((clone(limits::clones + 1) == Ending::limit));
}

BOOST_AUTO_TEST_CASE(scores_are_procmails)
{
    BOOST_TEST(run_text(":0\n* 5^0\nx\n", mail).score == 5);
    BOOST_TEST(run_text(":0\n* 5^1\nx\n", mail).score == 2147483647);
    BOOST_TEST(run_text(":0B\n* 1^1 ^.*$\nx\n", mail).score == 2);
    BOOST_TEST(run_text(":0\n* 0.4^0 .\nx\n", mail).score == 1);
}

BOOST_AUTO_TEST_CASE(match_is_short_on_the_left_and_long_on_the_right)
{
    const auto match = [](const std::string& pattern) {
        return value(run_text(":0c\n* " + pattern + "\nx\n", mail), "MATCH");
    };
    BOOST_TEST(match("^Subject: \\/.*") == "hello world");
    BOOST_TEST(match("()\\/l+") == "ll");
    BOOST_TEST(match("l.*\\/o.*") == "o world");
    BOOST_TEST(match("^To:\\/(.*)$") == " a@b  c\n");
    BOOST_TEST(match("nothere\\/x") == "(unset)");
    BOOST_TEST(match("hel\\/\\/lo") == "lo");
    BOOST_TEST(match("()\\/()\\/") == "");
    // procmail itself answers "ello world" here, one of its mistakes
    BOOST_TEST(match("h.+\\/z*") == "");
}

/// Fast path and full path, automaton and simulation: one answer.
BOOST_AUTO_TEST_CASE(all_ways_to_match_agree)
{
    std::mt19937 random{7};
    const std::string alphabet = "ab.*+?|()[^]\\$/ \n";
    for (int round = 0; round < 20000; ++round) {
        std::string pattern, text;
        for (std::size_t i = random() % 9; i > 0; --i)
            pattern += alphabet[random() % (alphabet.size() - 1)];
        for (std::size_t i = random() % 12; i > 0; --i)
            text += "ab \n"[random() % 4];
        const Pattern made{pattern, true};
        const Area area{text};
        Simulation slow = made.simulation();
        const bool expected = slow.first_end(text, 0).has_value();
        BOOST_REQUIRE_MESSAGE(made.matches(area) == expected,
                              "pattern " << pattern << " text " << text);
    }
}

/// A beginning that alternatives share, of bytes that are no UTF-8.
BOOST_AUTO_TEST_CASE(bytes_above_127)
{
    for (const char* pattern : {"\xf5|\xf5[+]",
                                "a\xf5|a\xf5"
                                "b",
                                "[\xf5]|()\xf5x"})
        for (const bool fold : {false, true})
            BOOST_TEST(Pattern(pattern, fold).matches(Area{"xa\xf5+"}));
}

/// With states and without them: the same ends and the same text.
BOOST_AUTO_TEST_CASE(states_find_what_threads_find)
{
    std::mt19937 random{13};
    const std::vector<std::string> pieces = {
        "a", "b",  "ab", ".",  "[^a]",  "(a|b)*",  "(ab?)+", "^",
        "$", ".*", "a?", "b*", "(a|b)", "(b|aa)+", "\\<",    "(a*b)*"};
    for (int round = 0; round < 3000; ++round) {
        std::string pattern, text;
        for (std::size_t i = random() % 5 + 1; i > 0; --i)
            pattern += pieces[random() % pieces.size()];
        if (random() % 2 == 0)
            pattern += "\\/" + pieces[random() % pieces.size()];
        for (std::size_t i = random() % 60; i > 0; --i)
            text += "aaab \n"[random() % 6];
        const PatternProgram program =
            compile_pattern(read_pattern(pattern, true));
        Simulation slow{program, nullptr, Simulation::never};
        Simulation fast{program, nullptr, 0};
        const std::size_t from = random() % (text.size() + 1);
        BOOST_REQUIRE_MESSAGE(
            slow.first_end(text, from) == fast.first_end(text, from),
            "pattern " << pattern << " text " << text << " from " << from);
        std::optional<Offset> slow_end, fast_end;
        const Found one = slow.with_mark(text, from, slow_end);
        const Found other = fast.with_mark(text, from, fast_end);
        BOOST_REQUIRE_MESSAGE(slow_end == fast_end && one.text == other.text,
                              "pattern " << pattern << " text " << text);
        if (!RightSides::fit(program, text) || from == text.size())
            continue;
        const RightSides sides{program, text, {}};
        Simulation told{program};
        told.use(&sides);
        std::optional<Offset> told_end;
        const Found third = told.with_mark(text, from, told_end);
        BOOST_REQUIRE_MESSAGE(
            slow_end == told_end && one.marked == third.marked &&
                one.text == third.text,
            "pattern " << pattern << " text " << text << " from " << from);
    }
}

BOOST_AUTO_TEST_CASE(the_prefilter_changes_nothing)
{
    std::mt19937 random{11};
    const std::vector<std::string> words = {"hello", "world", "body",
                                            "one",   "nope",  "absent"};
    for (int round = 0; round < 2000; ++round) {
        std::string rc;
        int open = 0;
        for (int i = 0; i < 12; ++i) {
            const std::string word = words[random() % words.size()];
            const char* const flags[] = {"", "B", "HB", "E", "A"};
            rc += std::string{":0"} + flags[random() % 5] + "\n* " +
                  (random() % 5 == 0 ? "! " : "") + word + "\n";
            if (random() % 3 == 0) {
                rc += "{\n";
                ++open;
            } else {
                rc += "{ }\n";
            }
            rc += "R=$R" + std::to_string(i) + ".$=\n";
            if (open > 0 && random() % 3 == 0) {
                rc += "}\n";
                --open;
            }
        }
        rc += repeated(static_cast<std::size_t>(open), "}\n");
        BOOST_REQUIRE_MESSAGE(value(run_text(rc, mail, false), "R") ==
                                  value(run_text(rc, mail, true), "R"),
                              rc);
    }
}

BOOST_AUTO_TEST_CASE(a_hostile_pattern_costs_no_more_than_its_length)
{
    const std::string long_line(std::size_t{1} << 20, 'a');
    const Outcome outcome = run_text(
        ":0B\n* ((a*)*)*x\nno\n:0B\n* ((a*)*b)*\\/c\nno\n"
        ":0B\n* 1^1 ((a*)*)*x\nno\n",
        "Subject: x\n\n" + long_line + "\n");
    BOOST_TEST((outcome.ending == Ending::fell_off));
}

BOOST_AUTO_TEST_SUITE_END()
