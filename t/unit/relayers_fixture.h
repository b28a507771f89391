// What tests of the stores of grants share: a folder of their own, a clock
// that stands, and relayers.db as sendmail reads it.
#pragma once

#include <boost/test/unit_test.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "policy/map/file.h"
#include "policy/relayers/direct_store.h"
#include "policy/relayers/file_store.h"
#include "policy/relayers/grant_text.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

namespace relayers_test {

using namespace policy::relayers;
using policy::ClientAddr;
using policy::Errc;
using policy::Network;
using policy::Seconds;
using policy::Status;
using policy::map::Change;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Contents = std::map<std::string, std::string>;

inline Seconds at(std::int64_t ticks)
{
    return Seconds{seconds{ticks}};
}

inline Network net(const char* text)
{
    return *Network::parse(text);
}

inline ClientAddr ip(const char* text)
{
    return *ClientAddr::parse(text);
}

/// relayers.db as sendmail reads it.
inline Contents db(const std::string& path)
{
    Contents all;
    const auto map = policy::map::open_file(path, false)->current();
    BOOST_REQUIRE_MESSAGE(map, why(map));
    (*map)->for_each([&](auto key, auto value) { all.emplace(key, value); });
    return all;
}

inline void write_db(const std::string& path, const Contents& entries)
{
    BOOST_REQUIRE(
        policy::map::bdb_create(path, entries.size(), [&](const auto& put) {
            for (const auto& [k, v] : entries)
                put(k, v);
        }));
}

struct Fixture {
    TempDir dir;
    std::int64_t now = 10000;
    std::vector<std::string> reports;
    std::string file = dir / "relayers.db";

    FileSettings settings()
    {
        FileSettings s;
        s.file = file;
        s.journal = dir.path;
        s.clock = [this] { return at(now); };
        s.background = false;
        s.report = [this](const std::string& line) { reports.push_back(line); };
        return s;
    }
    std::unique_ptr<FileStore> open()
    {
        auto store = FileStore::open(settings());
        BOOST_REQUIRE_MESSAGE(store, why(store));
        return std::move(*store);
    }
    DirectStore direct(bool journal = true)
    {
        return DirectStore{{.file = file,
                            .journal = journal ? dir.path.string() : "",
                            .clock = [this] { return at(now); },
                            .wait = milliseconds{2000}}};
    }
    std::string user_of(Store& store, const char* client)
    {
        const auto grant = store.find(ip(client));
        BOOST_REQUIRE_MESSAGE(grant, why(grant));
        return *grant ? (*grant)->user : "none";
    }
    /// relayers.db as a makemap that was killed may leave it.  @return its
    /// octets
    std::string torn_db()
    {
        std::filesystem::remove(file);
        write_db(file, {{"192.0.2.200", "9999"}});
        const auto torn = slurp(file).substr(0, 4096 + 100);
        spew(file, torn);
        return torn;
    }
    /// Nothing but these files is in the directory.
    void only(const std::set<std::string>& names)
    {
        for (const auto& entry : std::filesystem::directory_iterator{dir.path})
            BOOST_TEST(names.contains(entry.path().filename().string()),
                       entry.path());
    }
};

}  // namespace relayers_test
