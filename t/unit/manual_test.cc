// postern.yaml(5) and the table of keys say the same, and so do the options
// of relay-milter(8) and its --help.
#define BOOST_TEST_DYN_LINK
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "milters/doctor/checks.h"
#include "policy/config/keys.h"

using namespace policy::config;

namespace {

/// Tests run at the top of the source tree.
std::string page(const std::string& name)
{
    std::ifstream in{"man/" + name};
    BOOST_REQUIRE_MESSAGE(in, "man/" << name << " is not there");
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Text of each `.It Cm NAME` entry that has a dot or no blank in its name.
std::map<std::string, std::string> entries(const std::string& text)
{
    std::map<std::string, std::string> out;
    std::istringstream lines{text};
    std::string name;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(".It Cm ")) {
            name = line.substr(7, line.find(' ', 7) - 7);
            BOOST_TEST(!out.contains(name), name << " stands there twice");
        } else if (line.starts_with(".It ") || line.starts_with(".El") ||
                   line.starts_with(".S")) {
            name.clear();
        }
        if (!name.empty())
            out[name] += line + "\n";
    }
    return out;
}

/// As the page writes a default.
std::string quoted(std::string_view value)
{
    std::string out = ".Ql ";
    for (const char c : value)
        out += c == '\\' ? "\\e" : std::string(1, c);
    return out + " .\n";
}

std::string output_of(const std::string& command)
{
    std::string out;
    FILE* const pipe = popen(command.c_str(), "r");
    BOOST_REQUIRE(pipe);
    std::array<char, 4096> bytes{};
    std::size_t n = 0;
    while ((n = fread(bytes.data(), 1, bytes.size(), pipe)) > 0)
        out.append(bytes.data(), n);
    pclose(pipe);
    return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manual)

BOOST_AUTO_TEST_CASE(each_key_is_in_the_page_with_type_and_default)
{
    const auto all = entries(page("postern.yaml.5"));
    for (const auto& key : keys()) {
        BOOST_TEST_CONTEXT(key.name)
        {
            const auto entry = all.find(std::string(key.name));
            BOOST_TEST_REQUIRE((entry != all.end()));
            const auto& text = entry->second;
            const auto type = std::string(".Em ") + name_of(key.type) + " ";
            BOOST_TEST(text.find(type) != text.npos);
            if (!key.fallback.empty())
                BOOST_TEST(text.find("default\n" + quoted(key.fallback)) !=
                           text.npos);
            std::istringstream choices{std::string(key.choices)};
            for (std::string word; choices >> word;)
                BOOST_TEST(text.find(".Ql " + word + " ") != text.npos);
            BOOST_TEST((text.find("\\(dg") != text.npos) == key.at_start);
        }
    }
}

BOOST_AUTO_TEST_CASE(each_entry_of_the_page_is_a_key)
{
    for (const auto& [name, text] : entries(page("postern.yaml.5")))
        BOOST_TEST(find_key(name), name << " is no setting");
}

/// virus-milter(8) has a table of KavMilter's settings and of ours.
BOOST_AUTO_TEST_CASE(each_setting_that_a_page_names_is_one)
{
    const std::string text = page("virus-milter.8");
    const std::string letters = "abcdefghijklmnopqrstuvwxyz_.[]";
    std::size_t number = 0;
    for (auto at = text.find("virus."); at != text.npos;
         at = text.find("virus.", at + 1)) {
        auto name = text.substr(at, text.find_first_not_of(letters, at) - at);
        name.erase(name.find_last_not_of('.') + 1);
        const bool is_file = name == "virus.sock" || name == "virus.pid";
        BOOST_TEST((find_key(name) || is_section(name) || is_sequence(name) ||
                    is_file),
                   name << " is no setting");
        ++number;
    }
    BOOST_TEST(number > 50U);
}

/// -x and --words of .It lines, and of --help.
BOOST_AUTO_TEST_CASE(options_of_the_page_and_of_the_program)
{
    std::set<std::string> in_page, in_help;
    std::istringstream lines{page("relay-milter.8")};
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(".It Fl "))
            continue;
        in_page.insert("-" + line.substr(7, 1));
        const auto word = line.substr(line.find("\\-") + 2);
        in_page.insert("--" + word.substr(0, word.find(' ')));
    }
    const char* bin = std::getenv("POSTERN_BIN");
    const std::string program =
        std::string(bin ? bin : "build/bin") + "/relay-milter --help";
    std::istringstream help{output_of(program)};
    for (std::string line; std::getline(help, line);) {
        const auto words = line.substr(std::min<std::size_t>(2, line.size()));
        if (!line.starts_with("  -") || words.size() < 4)
            continue;
        in_help.insert(words.substr(0, 2));
        in_help.insert(words.substr(3, words.find_first_of(" =", 3) - 3));
    }
    BOOST_TEST(in_page.size() == 20U);
    BOOST_TEST(in_page == in_help, boost::test_tools::per_element());
}

/// The options in the .It lines of each `.Ss postern NAME`.
std::map<std::string, std::set<std::string>> postern_page()
{
    std::map<std::string, std::set<std::string>> out;
    std::istringstream lines{page("postern.8")};
    std::string name;
    bool item = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(".Ss postern "))
            out[name = line.substr(12)];
        else if (line.starts_with(".Sh ") || line.starts_with(".Ss "))
            name.clear();
        item = line.starts_with(".It ") ||
               (item && !line.starts_with(".") && line.starts_with("Fl "));
        if (!item || name.empty())
            continue;
        std::istringstream words{line};
        for (std::string word; words >> word;)
            if (word.size() > 2 && word.front() == '-')
                out[name].insert(word);
    }
    return out;
}

/// The same as `postern NAME --help` has them.
std::set<std::string> postern_options(const std::string& name)
{
    const char* bin = std::getenv("POSTERN_BIN");
    std::istringstream help{output_of(std::string(bin ? bin : "build/bin") +
                                      "/postern " + name + " --help")};
    std::set<std::string> out;
    for (std::string line; std::getline(help, line);) {
        const auto at = line.find("--");
        if (line.starts_with("  -") && at < 8)
            out.insert(
                line.substr(at + 1, line.find_first_of(" =,[", at) - at - 1));
    }
    out.erase("-help");
    return out;
}

BOOST_AUTO_TEST_CASE(commands_and_options_of_postern)
{
    const auto in_page = postern_page();
    const char* bin = std::getenv("POSTERN_BIN");
    std::istringstream help{
        output_of(std::string(bin ? bin : "build/bin") + "/postern --help")};
    std::set<std::string> commands;
    for (std::string line; std::getline(help, line);)
        if (line.starts_with("  "))
            commands.insert(line.substr(2, line.find(' ', 2) - 2));
    BOOST_TEST(commands.size() >= 4U);
    BOOST_TEST(commands.size() == in_page.size());
    for (const auto& name : commands) {
        BOOST_TEST_CONTEXT("postern " << name)
        {
            const auto entry = in_page.find(name);
            BOOST_TEST_REQUIRE((entry != in_page.end()));
            const auto options = postern_options(name);
            BOOST_TEST(!options.empty());
            BOOST_TEST(entry->second == options,
                       boost::test_tools::per_element());
        }
    }
}

/// Each finding of the doctor has its paragraph, in the order of the table.
BOOST_AUTO_TEST_CASE(findings_of_postern_check)
{
    std::vector<std::string> in_table, in_page;
    for (const auto& check : milters::doctor::checks()) {
        std::istringstream names{std::string(check.names)};
        for (std::string name; names >> name;)
            in_table.push_back(name);
    }
    const auto text = page("postern.8");
    const auto from = text.find("\nThe findings:\n");
    BOOST_TEST_REQUIRE((from != text.npos));
    std::istringstream lines{
        text.substr(from, text.find("\n.El", from) - from)};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(".It "))
            in_page.push_back(line.substr(4));
    BOOST_TEST(in_table.size() >= 20U);
    BOOST_TEST(in_page == in_table, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
