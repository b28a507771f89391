// For BOOST_REQUIRE_MESSAGE(result, why(result)), whose text the JUnit log
// asks for even when the assertion holds.
#pragma once

#include <string>

template <class Result>
std::string why(const Result& result)
{
    return result ? std::string{} : result.error().text;
}
