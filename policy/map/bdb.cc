#include "policy/map/bdb.h"

#include <db.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "policy/map/bdb_hash.h"

namespace policy::map {
namespace {

/// libdb's cache for a file: all of it, within these limits.
constexpr std::size_t min_cache = 1U << 20;
constexpr std::size_t max_cache = 128U << 20;
constexpr std::size_t octets_an_entry = 64;
constexpr int file_mode = 0600;  // the caller sets the real one

struct DbClose {
    void operator()(DB* db) const noexcept { db->close(db, DB_NOSYNC); }
};

/// A handle that keeps libdb's first complaint, which else goes to stderr.
class Handle {
public:
    static Result<Handle> make(const std::string& path)
    {
        DB* db = nullptr;
        if (const int rc = db_create(&db, nullptr, 0); rc != 0)
            return fail(Errc::io, path + ": " + db_strerror(rc));
        Handle h;
        h.path_ = path;
        h.db_.reset(db);
        h.complaint_ = std::make_unique<std::string>();
        db->get_env(db)->app_private = h.complaint_.get();
        db->set_errcall(db, [](const DB_ENV* env, const char*, const char* m) {
            auto* kept = static_cast<std::string*>(env->app_private);
            if (kept->empty())
                *kept = m;
        });
        return h;
    }

    DB* operator->() const { return db_.get(); }
    DB* get() const { return db_.get(); }
    DB* release() { return db_.release(); }

    /// `rc` of libdb as an error that names the file.
    tl::unexpected<Error> failed(int rc) const
    {
        const bool system = rc > 0 && rc != EINVAL;
        const std::string why =
            system ? std::generic_category().message(rc)
                   : (complaint_->empty() ? db_strerror(rc) : *complaint_);
        return fail(system ? Errc::io : Errc::format, path_ + ": " + why);
    }

    /// Syncs to disk and closes: what fails here was not written.
    Status close()
    {
        DB* const db = db_.release();
        const int rc = db->close(db, 0);
        return rc == 0 ? Status{} : failed(rc);
    }

private:
    std::string path_;
    std::unique_ptr<std::string> complaint_;
    std::unique_ptr<DB, DbClose> db_;
};

DBT dbt(std::string_view octets)
{
    DBT t{};
    t.data = const_cast<char*>(octets.data());  // read only, by db.h contract
    t.size = static_cast<u_int32_t>(octets.size());
    return t;
}

/// Whether the first key of the file has a trailing NUL.
Result<bool> keys_have_nul(const Handle& db)
{
    DBC* cursor = nullptr;
    if (const int rc = db->cursor(db.get(), nullptr, &cursor, 0); rc != 0)
        return db.failed(rc);
    DBT key{};
    DBT value{};
    const int rc = cursor->get(cursor, &key, &value, DB_FIRST);
    const bool nul = rc == 0 && key.size > 0 &&
                     static_cast<const char*>(key.data)[key.size - 1] == '\0';
    cursor->close(cursor);
    if (rc != 0 && rc != DB_NOTFOUND)
        return db.failed(rc);
    return nul;
}

Status apply_one(const Handle& db, Change change, bool nul)
{
    if (nul) {
        change.key += '\0';
        if (change.value)
            *change.value += '\0';
    }
    DBT key = dbt(change.key);
    if (!change.value) {
        const int rc = db->del(db.get(), nullptr, &key, 0);
        return rc == 0 || rc == DB_NOTFOUND ? Status{} : db.failed(rc);
    }
    DBT value = dbt(*change.value);
    const int rc = db->put(db.get(), nullptr, &key, &value, 0);
    return rc == 0 ? Status{} : db.failed(rc);
}

void set_cache(const Handle& db, std::size_t octets)
{
    const auto size = std::clamp(octets, min_cache, max_cache);
    db->set_cachesize(db.get(), 0, static_cast<u_int32_t>(size), 1);
}

}  // namespace

Status bdb_apply(const std::string& path, const std::vector<Change>& changes)
{
    auto db = Handle::make(path);
    if (!db)
        return fail(db.error());
    set_cache(*db, changes.size() * 4096);
    int rc = (*db)->open(db->get(), nullptr, path.c_str(), nullptr, DB_UNKNOWN,
                         0, file_mode);
    if (rc != 0)
        return db->failed(rc);
    const auto nul = keys_have_nul(*db);
    if (!nul)
        return fail(nul.error());
    for (const auto& change : changes)
        if (auto done = apply_one(*db, change, *nul); !done)
            return done;
    return db->close();
}

Status bdb_create(const std::string& path, std::size_t count,
                  const Entries& entries)
{
    auto db = Handle::make(path);
    if (!db)
        return fail(db.error());
    set_cache(*db, count * octets_an_entry);
    (*db)->set_h_nelem(db->get(), expected_entries);
    int rc = (*db)->open(db->get(), nullptr, path.c_str(), nullptr, DB_HASH,
                         DB_CREATE | DB_EXCL, file_mode);
    if (rc != 0)
        return db->failed(rc);
    entries([&](std::string_view k, std::string_view v) {
        DBT key = dbt(k);
        DBT value = dbt(v);
        if (rc == 0)
            rc = (*db)->put(db->get(), nullptr, &key, &value, 0);
    });
    return rc == 0 ? db->close() : db->failed(rc);
}

Status bdb_verify(const std::string& path)
{
    auto db = Handle::make(path);
    if (!db)
        return fail(db.error());
    DB* const handle = db->release();  // verify() closes it
    const int rc = handle->verify(handle, path.c_str(), nullptr, nullptr, 0);
    return rc == 0 ? Status{} : db->failed(rc);
}

}  // namespace policy::map
