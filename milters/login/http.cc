#include "milters/login/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <utility>

#include "milters/login/http_clients.h"

namespace milters::login {
namespace {

constexpr std::size_t min_secret = 8;
constexpr int http_forbidden = 403;
constexpr const char* dovecot_setting = "auth_policy_server_api_header";
constexpr const char* fine = R"({"status":0,"msg":""})";
constexpr const char* refusal = R"({"status":-1,"msg":"refused"})";
constexpr ev_uint16_t every_method =
    EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
    EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
    EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH;

struct HttpClose {
    void operator()(evhttp* http) const noexcept { evhttp_free(http); }
};

/// Takes as long whatever differs; only the length shows.
bool same_secret(std::string_view given, std::string_view secret)
{
    if (given.size() != secret.size())
        return false;
    unsigned char differ = 0;
    for (std::size_t i = 0; i < secret.size(); ++i)
        differ = static_cast<unsigned char>(
            differ | (static_cast<unsigned char>(given[i]) ^
                      static_cast<unsigned char>(secret[i])));
    return differ == 0;
}

std::string body_of(evhttp_request* request)
{
    evbuffer* in = evhttp_request_get_input_buffer(request);
    std::string body(evbuffer_get_length(in), '\0');
    evbuffer_copyout(in, body.data(), body.size());
    return body;
}

int fd_of(evhttp_request* request)
{
    auto* const connection = evhttp_request_get_connection(request);
    auto* const bev =
        connection ? evhttp_connection_get_bufferevent(connection) : nullptr;
    return bev ? bufferevent_getfd(bev) : -1;
}

void answer(evhttp_request* request, int code, const char* text)
{
    evkeyvalq* headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", "application/json");
    if (code == HTTP_BADMETHOD)
        evhttp_add_header(headers, "Allow", "POST");
    evbuffer* body = evbuffer_new();
    if (body)
        evbuffer_add(body, text, std::strlen(text));
    evhttp_send_reply(request, code, nullptr, body);
    if (body)
        evbuffer_free(body);
}

struct Endpoint {
    std::string address;
    std::uint16_t port = 0;
};

policy::Result<Endpoint> endpoint(const std::string& listen)
{
    const auto colon = listen.rfind(':');
    const auto bad = [&] {
        return policy::fail(policy::Errc::usage,
                            "'" + listen + "': not ADDRESS:PORT");
    };
    if (colon == listen.npos)
        return bad();
    const auto address = policy::ClientAddr::parse(listen.substr(0, colon));
    std::uint16_t port = 0;
    const char* const end = listen.data() + listen.size();
    const auto [rest, ec] =
        std::from_chars(listen.data() + colon + 1, end, port);
    if (!address || ec != std::errc{} || rest != end)
        return bad();
    return Endpoint{address->text(), port};
}

std::string trimmed(const std::string& text)
{
    const auto first = text.find_first_not_of(" \t\r");
    if (first == text.npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

}  // namespace

policy::Result<Secret> read_secret(const std::string& path)
{
    struct stat st {};
    if (stat(path.c_str(), &st) != 0) {
        const int e = errno;
        return policy::fail(policy::Errc::io, path + ": " + std::strerror(e));
    }
    if (st.st_mode & S_IRWXO)
        return policy::fail(policy::Errc::denied,
                            path + ": others may read or write the secret");
    std::ifstream in{path};
    std::string line;
    while (std::getline(in, line)) {
        line = trimmed(line);
        if (!line.empty() && line.front() != '#')
            break;
    }
    if (!in)
        return policy::fail(policy::Errc::io, path + ": no secret in it");
    if (line.starts_with(dovecot_setting))
        line.erase(0, line.find('=') + 1);
    Secret secret;
    if (const auto colon = line.find(':'); colon != line.npos) {
        secret.header = trimmed(line.substr(0, colon));
        line.erase(0, colon + 1);
    }
    secret.value = trimmed(line);
    if (secret.value.size() < min_secret || secret.header.empty())
        return policy::fail(policy::Errc::format,
                            path + ": the secret has less than 8 characters");
    return secret;
}

struct HttpListener::Impl {
    Impl(HttpOptions given, policy::relayers::LoginSink sink)
        : options{std::move(given)},
          intake{options.common, "auth-policy", std::move(sink)},
          clients{options.connections}
    {
    }

    bool knows_secret(evhttp_request* request) const;
    /// The reply code.
    int serve(evhttp_request* request);
    void count(const HttpReport& report, std::string_view source);

    HttpOptions options;
    Intake intake;
    HttpClients clients;
    std::unique_ptr<evhttp, HttpClose> http;
    evhttp_bound_socket* socket = nullptr;
};

bool HttpListener::Impl::knows_secret(evhttp_request* request) const
{
    const evkeyvalq* headers = evhttp_request_get_input_headers(request);
    const char* own =
        evhttp_find_header(headers, options.secret.header.c_str());
    if (own)
        return same_secret(own, options.secret.value);
    const char* basic = evhttp_find_header(headers, "Authorization");
    const auto password = basic ? basic_password(basic) : std::nullopt;
    return password && same_secret(*password, options.secret.value);
}

void HttpListener::Impl::count(const HttpReport& report,
                               std::string_view source)
{
    switch (report.outcome) {
        case HttpReport::Outcome::login:
            intake.login({.ip = report.ip,
                          .user = report.user,
                          .service = report.service,
                          .method = report.method},
                         source);
            break;
        case HttpReport::Outcome::failure:
            intake.failed_login();
            break;
        case HttpReport::Outcome::ignored:
            intake.ignored();
            break;
        case HttpReport::Outcome::malformed:
            intake.malformed("JSON without the fields of a report");
            break;
    }
}

int HttpListener::Impl::serve(evhttp_request* request)
{
    const bool trusted = knows_secret(request);
    clients.spoke(fd_of(request), trusted);
    if (evhttp_request_get_command(request) != EVHTTP_REQ_POST)
        return HTTP_BADMETHOD;
    if (!trusted) {
        intake.refused("wrong or no secret");
        return http_forbidden;
    }
    const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request);
    const char* path = uri ? evhttp_uri_get_path(uri) : nullptr;
    const char* query = uri ? evhttp_uri_get_query(uri) : nullptr;
    const std::string command = query ? command_of(query) : std::string{};
    if (path && std::string_view{path} == "/event") {
        count(parse_event(body_of(request), options.use), "event");
    } else if (command == "report") {
        count(parse_policy_report(body_of(request), options.use),
              "auth-policy");
    } else if (command != "allow") {
        intake.malformed("neither /event nor ?command=report");
        return HTTP_BADREQUEST;
    }
    return HTTP_OK;
}

HttpListener::HttpListener(std::unique_ptr<Impl> impl) : impl_{std::move(impl)}
{
}

HttpListener::~HttpListener() = default;

policy::Result<std::unique_ptr<HttpListener>> HttpListener::make(
    net::Loop& loop, HttpOptions options, policy::relayers::LoginSink sink)
{
    const auto where = endpoint(options.listen);
    if (!where)
        return policy::fail(where.error());
    if (options.secret.value.size() < min_secret)
        return policy::fail(policy::Errc::usage,
                            "login reports by HTTP need a secret");
    auto impl = std::make_unique<Impl>(std::move(options), std::move(sink));
    impl->http.reset(evhttp_new(loop.base()));
    if (!impl->http)
        return policy::fail(policy::Errc::io, "libevent: no HTTP server");
    evhttp* http = impl->http.get();
    evhttp_set_allowed_methods(http, every_method);
    evhttp_set_max_body_size(http, max_body);
    evhttp_set_max_headers_size(http, max_headers);
    evhttp_set_timeout(http, static_cast<int>(impl->options.idle.count()));
    evhttp_set_bevcb(http, HttpClients::accepted, &impl->clients);
    evhttp_set_gencb(
        http,
        [](evhttp_request* request, void* self) {
            const int code = static_cast<Impl*>(self)->serve(request);
            answer(request, code, code == HTTP_OK ? fine : refusal);
        },
        impl.get());
    errno = 0;
    impl->socket = evhttp_bind_socket_with_handle(http, where->address.c_str(),
                                                  where->port);
    if (!impl->socket) {
        const int e = errno;
        return policy::fail(policy::Errc::io,
                            impl->options.listen + ": " + std::strerror(e));
    }
    if (!impl->clients.watch(loop.base(),
                             evhttp_bound_socket_get_fd(impl->socket)))
        return policy::fail(policy::Errc::io, "libevent: no event");
    return std::unique_ptr<HttpListener>{new HttpListener{std::move(impl)}};
}

std::uint16_t HttpListener::port() const
{
    return local_port(evhttp_bound_socket_get_fd(impl_->socket));
}

const Counters& HttpListener::counters() const
{
    return impl_->intake.counters();
}

}  // namespace milters::login
