// Every t/unit/MODULE_test.cc is one suite of this program.
#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_MODULE postern
#include <boost/test/unit_test.hpp>
