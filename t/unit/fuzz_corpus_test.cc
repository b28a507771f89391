// Replays what the fuzz targets found or began with.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "t/fuzz/recipe_fuzz.h"

BOOST_AUTO_TEST_SUITE(fuzz_corpus)

BOOST_AUTO_TEST_CASE(of_the_recipe_engine)
{
    const std::map<std::string, void (*)(std::string_view)> targets = {
        {"recipe", fuzz::recipe},
        {"pattern", fuzz::pattern},
        {"expansion", fuzz::expansion},
        {"message", fuzz::message}};
    int replayed = 0;
    for (const auto& [name, target] : targets)
        for (const auto& entry :
             std::filesystem::directory_iterator("t/fuzz/corpus/" + name)) {
            std::ifstream in{entry.path(), std::ios::binary};
            const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
            target(bytes);
            ++replayed;
        }
    BOOST_TEST(replayed >= 8);
}

BOOST_AUTO_TEST_SUITE_END()
