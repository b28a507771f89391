#include "policy/text_file.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "t/unit/temp_dir.h"

using policy::Errc;
using policy::text_of_file;

BOOST_AUTO_TEST_SUITE(text_file)

BOOST_AUTO_TEST_CASE(all_bytes_or_why_not)
{
    const TempDir dir;
    const auto path = dir / "file";
    const auto missing = text_of_file(path);
    BOOST_REQUIRE(!missing);
    BOOST_TEST((missing.error().code == Errc::gone));
    BOOST_TEST(missing.error().text == path + ": No such file or directory");

    std::ofstream{path}.flush();
    BOOST_TEST(text_of_file(path).value() == "");

    const std::string bytes{"a\0\r\nb", 5};
    std::ofstream{path} << bytes;
    BOOST_TEST(text_of_file(path).value() == bytes);

    const auto folder = text_of_file(dir / ".");
    BOOST_REQUIRE(!folder);
    BOOST_TEST((folder.error().code == Errc::io));
}

BOOST_AUTO_TEST_SUITE_END()
