// A directory of the test's own, gone at its end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

struct TempDir {
    std::filesystem::path path;

    TempDir() : TempDir{std::filesystem::temp_directory_path()} {}
    explicit TempDir(const std::filesystem::path& base)
    {
        std::string name = (base / "postern.XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~TempDir() { std::filesystem::remove_all(path); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    std::string operator/(std::string_view name) const
    {
        return (path / name).string();
    }
};

inline std::string slurp(const std::string& path)
{
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

inline void spew(const std::string& path, std::string_view octets)
{
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out << octets;
}
