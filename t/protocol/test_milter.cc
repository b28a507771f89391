// A milter made of nothing but the libmilter layer, which does what the test
// tells it: a table of action by stage in the name of the client at connect.
//
//     mail=refuse;rcpt=sleep:300;eom=quarantine
//
// Actions: proceed accept discard skip; refuse, refuse421, refuse4, refuse2
// (a code that refuses nothing), lines (several lines of text); throw,
// throwint; sleep:MS and slow:MS (the same, watched by SlowStep); header,
// quarantine.
//
//     test-milter SOCKET PIDFILE [silent|mute|all [HANDLERS]]   in foreground
//
// silent: never answers at connect, helo, header, eoh and body; mute: nor at
// mail and rcpt, as virus-milter.  HANDLERS is how many may be at work at a
// time.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>
#include <thread>

#include "milters/milter/daemon.h"
#include "milters/milter/session.h"
#include "milters/milter/signals.h"
#include "policy/config/socket_spec.h"

namespace {

using namespace milters::milter;
using policy::Reply;

std::map<std::string, std::string> table_of(std::string text)
{
    std::map<std::string, std::string> table;
    text += ';';
    for (std::size_t end = 0; (end = text.find(';')) != text.npos;
         text.erase(0, end + 1)) {
        const auto equals = text.substr(0, end).find('=');
        if (equals != text.npos)
            table[text.substr(0, equals)] =
                text.substr(equals + 1, end - equals - 1);
    }
    return table;
}

void rest(const std::string& how)
{
    std::this_thread::sleep_for(
        std::chrono::milliseconds{std::atoi(how.c_str() + how.find(':') + 1)});
}

class Scripted final : public Session {
public:
    Answer connect(Context& mta, const Peer& peer) override
    {
        table_ = table_of(peer.name);
        return act(mta, "connect");
    }
    Answer helo(Context& mta, std::string_view) override
    {
        return act(mta, "helo");
    }
    Answer mail(Context& mta, Args) override { return act(mta, "mail"); }
    Answer rcpt(Context& mta, Args) override { return act(mta, "rcpt"); }
    Answer data(Context& mta) override { return act(mta, "data"); }
    Answer header(Context& mta, std::string_view, std::string_view) override
    {
        return act(mta, "header");
    }
    Answer eoh(Context& mta) override { return act(mta, "eoh"); }
    Answer body(Context& mta, std::span<const unsigned char>) override
    {
        return act(mta, "body");
    }
    Answer eom(Context& mta) override { return act(mta, "eom"); }
    std::string id() const override { return "scripted"; }

private:
    Answer act(Context& mta, const std::string& stage)
    {
        const std::string how = table_[stage];
        if (how == "accept")
            return Answer::accept();
        if (how == "discard")
            return Answer::discard();
        if (how == "skip")
            return Answer::skip();
        if (how == "refuse")
            return Answer::refuse({554, "5.7.9", "no 100% " + stage});
        if (how == "refuse4")
            return Answer::refuse({452, "4.2.1", "later " + stage});
        if (how == "refuse421")
            return Answer::refuse({421, "4.7.0", "closing"});
        if (how == "refuse2")
            return Answer::refuse({250, "2.0.0", "fine"});
        if (how == "lines")
            return Answer::refuse({550, "5.7.1", "one\r\ntwo\nthree"});
        if (how == "throw")
            throw std::runtime_error("thrown in " + stage);
        if (how == "throwint")
            throw 7;
        if (how == "header" && !mta.add_header("X-Test", "1"))
            return Answer::refuse({550, "5.0.0", "no header"});
        if (how == "quarantine" && !mta.quarantine("held"))
            return Answer::refuse({550, "5.0.0", "no quarantine"});
        if (how.starts_with("sleep"))
            rest(how);
        if (how.starts_with("slow")) {
            const SlowStep step;
            rest(how);
        }
        return Answer::proceed();
    }

    std::map<std::string, std::string> table_;
};

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 3)
        return 64;
    signals::block();
    policy::Log log{{"test-milter", "mail", policy::Log::Level::debug, true}};
    Program program;
    program.name = "test-milter";
    const std::string_view manner = argc > 3 ? argv[3] : "all";
    const bool mute = manner == "mute", silent = mute || manner == "silent";
    if (argc > 4)
        program.most_handlers = std::atol(argv[4]);
    for (const auto stage :
         {Stage::connect, Stage::helo, Stage::mail, Stage::rcpt, Stage::data,
          Stage::header, Stage::eoh, Stage::body, Stage::eom})
        if (silent && stage != Stage::data && stage != Stage::eom &&
            (mute || (stage != Stage::mail && stage != Stage::rcpt)))
            program.needs.want_silently(stage, "j {client_addr}");
        else
            program.needs.want(stage);
    program.needs.quarantine = program.needs.add_header = true;
    program.make_session = [] { return std::make_unique<Scripted>(); };
    program.log = [&](const std::string& id, const std::string& what) {
        log.line(policy::Log::Level::error, id, what);
    };
    Service service;
    service.program = &program;
    service.socket = *policy::config::SocketSpec::parse(argv[1]);
    service.pid_file = argv[2];
    service.foreground = true;
    service.log = &log;
    service.bind = [] { return policy::Status{}; };
    service.start = [] { return policy::Status{}; };
    service.reload = [&] {
        log.line(policy::Log::Level::info, "", "reloaded");
    };
    service.stop = [] {};
    return serve(service);
}
