#include "policy/map/class_file.h"

#define BOOST_TEST_DYN_LINK
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <filesystem>

using namespace policy;
using namespace policy::map;
using Words = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(class_file)

const char* const text =
    "example.org\n"
    "# remark\n"
    "  leading.example\r\n"
    "\n"
    " # not in the first column\n"
    "two.example words # remark\n"
    "hash.example#x\n"
    "last.example";

BOOST_AUTO_TEST_CASE(the_first_word_of_a_line)
{
    const Words want = {"example.org", "leading.example", "#",
                        "two.example", "hash.example#x",  "last.example"};
    BOOST_TEST(parse_class(text, ClassFormat::first_word) == want,
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_words_up_to_a_hash)
{
    const Words want = {"example.org", "leading.example", "two.example",
                        "words",       "hash.example",    "last.example"};
    BOOST_TEST(parse_class(text, ClassFormat::all_words) == want,
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_long_line_is_read_in_pieces)
{
    const std::string word(class_line_max + 1, 'x');
    const auto words =
        parse_class(word + "rest\nnext\n", ClassFormat::first_word);
    const Words want = {word, "rest", "next"};
    BOOST_TEST(words == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(missing_and_unreadable_files)
{
    const auto dir = std::filesystem::temp_directory_path() /
                     ("class-" + std::to_string(getpid()));
    std::filesystem::create_directories(dir);
    const auto missing = (dir / "none").string();
    BOOST_TEST(
        read_class_file(missing, ClassFormat::first_word, true)->empty());
    BOOST_TEST((
        read_class_file(missing, ClassFormat::first_word, false).error().code ==
        Errc::gone));
    BOOST_TEST(!read_class_file(dir.string(), ClassFormat::first_word, true));
    std::filesystem::remove_all(dir);
}

BOOST_AUTO_TEST_SUITE_END()
