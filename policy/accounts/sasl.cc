#include "policy/accounts/sasl.h"

#include <dlfcn.h>
#include <sasl/sasl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <new>
#include <sstream>
#include <utility>

namespace policy::accounts {
namespace {

constexpr const char* service = "smtp";
constexpr const char* default_sasldb = "/etc/sasldb2";

/// libsasl2 stores callbacks of all types as this one.
using Callback = int (*)();
template <class Function>
Callback callback(Function* f)
{
    using Any = void (*)();
    return reinterpret_cast<Callback>(reinterpret_cast<Any>(f));
}

/// Runs while libsasl2 is initialised; one per process.
struct Context {
    std::string app, folders;
    std::string file;  ///< the configuration that was found, or empty
    std::string text;  ///< and its contents
    std::array<sasl_callback_t, 4> callbacks{};

    ~Context() { sasl_server_done(); }
};

std::mutex one_context;
std::weak_ptr<Context>& living_context()
{
    static std::weak_ptr<Context> context;
    return context;
}

struct ConnClose {
    void operator()(sasl_conn_t* conn) const noexcept { sasl_dispose(&conn); }
};
using Conn = std::unique_ptr<sasl_conn_t, ConnClose>;

/// Passwords need not be checked, so nothing but auxprop may be asked: this
/// goes before the configuration file.
int get_option(void*, const char*, const char* option, const char** result,
               unsigned* length)
{
    static constexpr std::string_view method = "auxprop";
    if (std::strcmp(option, "pwcheck_method") != 0)
        return SASL_FAIL;
    *result = method.data();
    if (length)
        *length = static_cast<unsigned>(method.size());
    return SASL_OK;
}

int get_folders(void* context, char** path)
{
    *path = strdup(static_cast<Context*>(context)->folders.c_str());
    return *path ? SASL_OK : SASL_NOMEM;
}

/// libsasl2 logs each unknown user as a failed login; our caller reports.
int no_log(void*, int, const char*)
{
    return SASL_OK;
}

void* new_mutex()
{
    return new (std::nothrow) std::mutex;
}
int lock_mutex(void* m)
{
    static_cast<std::mutex*>(m)->lock();
    return SASL_OK;
}
int unlock_mutex(void* m)
{
    static_cast<std::mutex*>(m)->unlock();
    return SASL_OK;
}
void free_mutex(void* m)
{
    delete static_cast<std::mutex*>(m);
}

std::string folded(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::vector<std::string> split(const std::string& folders)
{
    std::vector<std::string> all;
    std::istringstream in{folders};
    for (std::string one; std::getline(in, one, ':');)
        if (!one.empty())
            all.push_back(one);
    return all;
}

std::string joined(const std::vector<std::string>& folders)
{
    std::string all;
    for (const std::string& one : folders)
        all += (all.empty() ? "" : ":") + one;
    return all;
}

/// The first configuration file there is, as libsasl2 finds it.
Status find_file(Context& context)
{
    for (const std::string& folder : split(context.folders)) {
        const std::string path = folder + "/" + context.app + ".conf";
        if (access(path.c_str(), F_OK) != 0)
            continue;
        std::ifstream in{path};
        std::ostringstream text;
        text << in.rdbuf();
        if (!in)
            return fail(Errc::io, path + ": cannot read");
        context.file = path;
        context.text = text.str();
        return {};
    }
    return {};
}

/// Whether its answers can mean what we need.
Status check_method(const Context& context)
{
    const auto method = sasl_option(context.text, "pwcheck_method");
    if (method.empty() || method == "auxprop" || method == "auxprop-hashed")
        return {};
    return fail(Errc::parse,
                context.file + ": pwcheck_method: " + method +
                    ": only auxprop can tell whether a user exists");
}

Result<std::shared_ptr<Context>> new_context(const std::string& app,
                                             const std::string& folders)
{
    auto context = std::make_shared<Context>();
    context->app = app;
    context->folders = folders;
    if (auto found = find_file(*context); !found)
        return fail(found.error());
    if (auto fine = check_method(*context); !fine)
        return fail(fine.error());
    context->callbacks = {{
        {SASL_CB_GETOPT, callback(&get_option), nullptr},
        {SASL_CB_GETCONFPATH, callback(&get_folders), context.get()},
        {SASL_CB_LOG, callback(&no_log), nullptr},
        {SASL_CB_LIST_END, nullptr, nullptr},
    }};
    sasl_set_mutex(new_mutex, lock_mutex, unlock_mutex, free_mutex);
    const int rc = sasl_server_init(context->callbacks.data(), app.c_str());
    if (rc != SASL_OK)
        return fail(Errc::io, "sasl " + app + ": " +
                                  sasl_errstring(rc, nullptr, nullptr));
    return context;
}

Result<std::shared_ptr<Context>> context_for(const std::string& app,
                                             const std::string& folders)
{
    const std::lock_guard lock{one_context};
    if (auto living = living_context().lock()) {
        if (living->app == app && living->folders == folders)
            return living;
        return fail(Errc::usage, "sasl " + app +
                                     ": libsasl2 is in use with other "
                                     "settings; restart to change them");
    }
    auto context = new_context(app, folders);
    if (context)
        living_context() = *context;
    return context;
}

class Sasl final : public Directory {
public:
    Sasl(std::shared_ptr<Context> context, const SaslOptions& options)
        : context_{std::move(context)},
          realm_{options.realm.empty() ? options.host : options.realm},
          name_{"sasl " + options.app}
    {
    }

    Result<bool> exists(const std::string& user) override;
    const std::string& name() const override { return name_; }

private:
    Status check_sasldb() const;

    std::shared_ptr<Context> context_;
    std::string realm_, name_;
};

/// The sasldb plugin calls everybody unknown when the file is missing.
Status Sasl::check_sasldb() const
{
    const auto plugin = sasl_option(context_->text, "auxprop_plugin");
    if (!plugin.empty() && plugin.find("sasldb") == plugin.npos)
        return {};
    auto path = sasl_option(context_->text, "sasldb_path");
    if (path.empty())
        path = default_sasldb;
    if (access(path.c_str(), R_OK) == 0)
        return {};
    const int e = errno;
    return fail(Errc::io, path + ": " + std::strerror(e));
}

Result<bool> Sasl::exists(const std::string& user)
{
    if (auto there = check_sasldb(); !there)
        return fail(there.error());
    // The realm argument of sasl_user_exists is ignored by auxprop plugins.
    const std::string whole =
        user.find('@') == user.npos ? user + "@" + realm_ : user;
    sasl_conn_t* raw = nullptr;
    int rc = sasl_server_new(service, realm_.c_str(), nullptr, nullptr, nullptr,
                             nullptr, 0, &raw);
    const Conn conn{raw};
    if (rc == SASL_OK)
        rc = sasl_user_exists(raw, service, nullptr, whole.c_str());
    if (rc == SASL_OK)
        return true;
    if (rc == SASL_NOUSER || rc == SASL_DISABLED)
        return false;
    return fail(Errc::io, name_ + ": " +
                              (raw ? sasl_errdetail(raw)
                                   : sasl_errstring(rc, nullptr, nullptr)));
}

}  // namespace

std::vector<std::string> sasl_folders()
{
    std::vector<std::string> all{"/etc/sasl2", "/etc/sasl"};
    Dl_info library{};
    if (dladdr(reinterpret_cast<const void*>(&sasl_server_init), &library) &&
        library.dli_fname) {
        const std::string path = library.dli_fname;
        if (const auto slash = path.rfind('/'); slash != path.npos)
            all.push_back(path.substr(0, slash) + "/sasl2");
    }
    all.insert(all.end(), {"/usr/lib/sasl2", "/usr/local/lib/sasl2"});
    return all;
}

std::string sasl_option(const std::string& text, const std::string& option)
{
    constexpr const char* blank = " \t\r";
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);) {
        const auto first = line.find_first_not_of(blank);
        const auto colon = line.find(':');
        if (first == line.npos || line[first] == '#' || colon == line.npos ||
            folded(line.substr(first, colon - first)) != option)
            continue;
        const auto value = line.find_first_not_of(blank, colon + 1);
        if (value == line.npos)
            return {};
        return line.substr(value, line.find_last_not_of(blank) - value + 1);
    }
    return {};
}

Result<std::unique_ptr<Directory>> sasl(const SaslOptions& options)
{
    if (options.realm.empty() && options.host.empty())
        return fail(Errc::usage, "sasl: neither realm nor host");
    const auto folders =
        options.folders.empty() ? joined(sasl_folders()) : options.folders;
    auto context = context_for(options.app, folders);
    if (!context)
        return fail(context.error());
    return std::make_unique<Sasl>(std::move(*context), options);
}

}  // namespace policy::accounts
