// Several milters on one connection: whose answer counts, what each sees, and
// what the MTA is told.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <stdexcept>

#include "milters/chain/chain.h"

using namespace milters::chain;
using milters::milter::Answer;
using milters::milter::Args;
using milters::milter::Context;
using milters::milter::Peer;
using milters::milter::Program;
using milters::milter::Session;
using milters::milter::Stage;
using Kind = Answer::Kind;

namespace {

/// Writes down what it is told to change.
class Mta final : public Context {
public:
    std::optional<std::string_view> macro(const char*) override { return {}; }
    bool quarantine(const std::string& reason) override
    {
        return say("hold " + reason);
    }
    bool add_header(const std::string& name, const std::string& value) override
    {
        return say("add " + name + " " + value);
    }
    bool insert_header(int index, const std::string& name,
                       const std::string& value) override
    {
        return say("ins " + std::to_string(index) + " " + name + " " + value);
    }
    bool change_header(const std::string& name, int index,
                       const std::string* value) override
    {
        return say((value ? "chg " : "del ") + std::to_string(index) + " " +
                   name + (value ? " " + *value : ""));
    }
    bool replace_body(std::string_view bytes) override
    {
        return say("body " + std::string{bytes});
    }
    bool add_recipient(const std::string& rcpt) override
    {
        return say("to " + rcpt);
    }
    bool delete_recipient(const std::string& rcpt) override
    {
        return say("not " + rcpt);
    }
    bool progress() override { return true; }

    std::string told;
    bool grants = true;

private:
    bool say(const std::string& what)
    {
        told += what + "; ";
        return grants;
    }
};

std::string seen(const HeaderList& headers)
{
    std::string out;
    headers.for_each([&](const std::string& name, const std::string& value) {
        out += name + ":" + value + " ";
    });
    return out;
}

/// A message whose X-A was deleted once by a milter before.
struct Deleted {
    Deleted()
    {
        for (const char* value : {"1", "2"})
            headers.append("X-A", value);
        headers.append("Subject", "s");
        headers.begin_view();
        BOOST_TEST(headers.change(mta, "X-A", 1, nullptr));
        headers.begin_view();
        mta.told.clear();
    }

    HeaderList headers;
    Mta mta;
};

/// One milter, and what was asked of it.
struct Script {
    std::map<std::string, std::function<Answer(Context&)>> acts;
    std::string asked, failed;
};

class Scripted final : public Session {
public:
    explicit Scripted(Script& script) : script_{script} {}

    Answer connect(Context& m, const Peer&) override { return ask(m, "C"); }
    Answer helo(Context& m, std::string_view) override { return ask(m, "H"); }
    Answer mail(Context& m, Args) override { return ask(m, "M"); }
    Answer rcpt(Context& m, Args) override { return ask(m, "R"); }
    Answer header(Context& m, std::string_view name,
                  std::string_view value) override
    {
        script_.asked += std::string{name} + "=" + std::string{value} + " ";
        return ask(m, "L");
    }
    Answer body(Context& m, std::span<const unsigned char> chunk) override
    {
        script_.asked.append(chunk.begin(), chunk.end());
        return ask(m, "B");
    }
    Answer eom(Context& m) override { return ask(m, "E"); }
    void abort() override { script_.asked += "abort "; }

private:
    Answer ask(Context& mta, const std::string& stage)
    {
        script_.asked += stage + " ";
        const auto act = script_.acts.find(stage);
        return act == script_.acts.end() ? Answer::proceed() : act->second(mta);
    }

    Script& script_;
};

/// A chain of two, the first of which changes what comes.
struct Two {
    Two()
    {
        std::vector<Program> programs;
        for (Script& script : scripts) {
            Program program;
            program.name = "scripted";
            auto& needs = program.needs;
            needs.want(Stage::connect, "j i").want(Stage::helo);
            needs.want(Stage::mail, "i {auth_authen}").want(Stage::rcpt);
            needs.want_silently(Stage::header).want_silently(Stage::body);
            needs.want(Stage::eom).change_headers = true;
            program.make_session = [&script] {
                return std::make_unique<Scripted>(script);
            };
            program.log = [&script](const std::string&,
                                    const std::string& what) {
                script.failed = what;
            };
            programs.push_back(std::move(program));
        }
        programs[1].needs.quarantine = true;
        programs[1].needs.macros[0] = "i {client_addr}";
        whole = combine("two", std::move(programs));
        session = whole.make_session();
    }

    Answer mail()
    {
        const char* const args[] = {"<a@example.net>"};
        return session->mail(mta, args);
    }
    Answer rcpt()
    {
        const char* const args[] = {"<b@example.org>"};
        return session->rcpt(mta, args);
    }
    Answer end()
    {
        session->header(mta, "X-A", "1");
        const unsigned char text[] = {'h', 'i', ' '};
        session->body(mta, text);
        return session->eom(mta);
    }
    /// A whole message.
    Answer message()
    {
        mail();
        rcpt();
        return end();
    }

    Script scripts[2];
    Script& first = scripts[0];
    Script& second = scripts[1];
    Program whole{};
    std::unique_ptr<Session> session;
    Mta mta;
};

Answer no(Context&)
{
    return Answer::refuse({550, "5.7.1", "no"});
}

Answer enough(Context&)
{
    return Answer::accept();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(chain)

BOOST_FIXTURE_TEST_CASE(what_was_deleted_before_is_not_counted, Deleted)
{
    BOOST_TEST(seen(headers) == "X-A:2 Subject:s ");
    const std::string value = "new";
    BOOST_TEST(headers.change(mta, "x-a", 1, &value));
    BOOST_TEST(mta.told == "chg 2 x-a new; ");
    BOOST_TEST(seen(headers) == "X-A:new Subject:s ");
}

BOOST_FIXTURE_TEST_CASE(what_is_deleted_now_still_counts, Deleted)
{
    BOOST_TEST(headers.change(mta, "X-A", 1, nullptr));
    BOOST_TEST(headers.change(mta, "X-A", 1, nullptr));
    BOOST_TEST(mta.told == "del 2 X-A; del 2 X-A; ");
    BOOST_TEST(seen(headers) == "Subject:s ");
}

BOOST_FIXTURE_TEST_CASE(added_in_the_place_of_a_deleted_one, Deleted)
{
    BOOST_TEST(headers.add(mta, "X-A", "new"));
    BOOST_TEST(headers.add(mta, "X-A", "newer"));
    BOOST_TEST(mta.told == "chg 1 X-A new; add X-A newer; ");
    BOOST_TEST(seen(headers) == "X-A:newer X-A:new X-A:2 Subject:s ");
}

BOOST_FIXTURE_TEST_CASE(an_empty_one_stands_behind_a_deleted_one, Deleted)
{
    BOOST_TEST(headers.add(mta, "X-A", ""));
    BOOST_TEST(mta.told == "ins 9 X-A ; ");
    BOOST_TEST(seen(headers) == "X-A: X-A:2 Subject:s ");
}

BOOST_FIXTURE_TEST_CASE(inserted_below_the_mtas_own, Deleted)
{
    BOOST_TEST(headers.insert(mta, 1, "X-B", "b"));
    BOOST_TEST(headers.insert(mta, 99, "X-C", "c"));
    BOOST_TEST(mta.told == "ins 1 X-B b; ins 99 X-C c; ");
    BOOST_TEST(seen(headers) == "X-B:b X-A:2 Subject:s X-C:c ");
}

BOOST_FIXTURE_TEST_CASE(what_the_mta_refuses_has_not_changed, Deleted)
{
    const std::string value = "new";
    mta.grants = false;
    BOOST_TEST(!headers.add(mta, "X-A", "new"));
    BOOST_TEST(!headers.add(mta, "X-B", "new"));
    BOOST_TEST(!headers.insert(mta, 1, "X-B", "new"));
    BOOST_TEST(!headers.change(mta, "Subject", 1, &value));
    BOOST_TEST(seen(headers) == "X-A:2 Subject:s ");
}

const struct {
    const char* put;
    const char* seen;
} bodies[] = {{"", ""},
              {"a\r\nb", "a\r\nb"},
              {"a\nb", "a\r\nb"},
              {"a\rb", "a\rb"},
              {"\r\r\n", "\r\n"},
              {"\n\n", "\r\n\r\n"},
              {"a\r\n\r", "a\r\n\r"}};

BOOST_AUTO_TEST_CASE(a_body_goes_through_sendmails_file)
{
    for (const auto& body : bodies)
        BOOST_TEST(as_next_filter_sees(body.put) == body.seen);
}

BOOST_FIXTURE_TEST_CASE(the_mta_is_asked_for_what_any_of_them_needs, Two)
{
    const auto& needs = whole.needs;
    BOOST_TEST(std::string{needs.macros[0]} == "j i {client_addr} v");
    BOOST_TEST(std::string{needs.macros[2]} == "i {auth_authen}");
    BOOST_TEST((needs.quarantine && needs.change_headers));
    BOOST_TEST((!needs.add_header && !needs.replace_body));
    BOOST_TEST((needs.is_silent(Stage::header) && needs.wants(Stage::header)));
    BOOST_TEST((!needs.is_silent(Stage::rcpt) && !needs.wants(Stage::eoh)));
}

BOOST_FIXTURE_TEST_CASE(a_refusal_ends_the_rest, Two)
{
    first.acts["M"] = no;
    BOOST_TEST((mail().kind() == Kind::refuse));
    BOOST_TEST(second.asked == "abort abort ");
    first.acts.clear();
    first.acts["E"] = no;
    BOOST_TEST((message().kind() == Kind::refuse));
    BOOST_TEST(second.asked.find("E ") == std::string::npos);
    BOOST_TEST(second.asked.find("X-A") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_refused_recipient_is_one_recipient, Two)
{
    mail();
    first.acts["R"] = no;
    BOOST_TEST((rcpt().kind() == Kind::refuse));
    first.acts.clear();
    BOOST_TEST((rcpt().kind() == Kind::proceed));
    BOOST_TEST((end().kind() == Kind::proceed));
    BOOST_TEST(second.asked.ends_with("M R X-A=1 L hi B E "));
}

BOOST_FIXTURE_TEST_CASE(an_accept_ends_one_only, Two)
{
    first.acts["R"] = enough;
    BOOST_TEST((message().kind() == Kind::proceed));
    BOOST_TEST(first.asked.ends_with("M R "));
    BOOST_TEST(second.asked.ends_with("E "));
    first.acts.clear();
    message();  // the next message is another matter
    BOOST_TEST(first.asked.ends_with("E "));
    session = whole.make_session();
    second.acts["C"] = enough;
    const Peer peer{"c.example.net", {}};
    BOOST_TEST((session->connect(mta, peer).kind() == Kind::proceed));
    second.asked.clear();
    message();
    BOOST_TEST(second.asked.empty());
    first.acts["M"] = enough;
    BOOST_TEST((mail().kind() == Kind::accept));
}

BOOST_FIXTURE_TEST_CASE(what_one_throws_is_its_451, Two)
{
    second.acts["L"] = [](Context&) -> Answer {
        throw std::runtime_error("broken");
    };
    const auto answer = message();
    BOOST_TEST((answer.kind() == Kind::refuse));
    BOOST_TEST(answer.reply().code == 451);
    BOOST_TEST(second.failed == "broken");
    BOOST_TEST(second.asked.find("E ") == std::string::npos);
    BOOST_TEST(first.failed.empty());
}

BOOST_FIXTURE_TEST_CASE(the_last_body_is_put_in_place_once, Two)
{
    first.acts["E"] = [](Context& view) {
        view.replace_body("one\n");
        view.replace_body("more");
        return Answer::proceed();
    };
    message();
    BOOST_TEST(mta.told == "body one\nmore; ");
    BOOST_TEST(second.asked.find("one\r\nmoreB ") != std::string::npos);
    second.acts["E"] = [](Context& view) {
        view.replace_body("two");
        return Answer::proceed();
    };
    mta.told.clear();
    message();
    BOOST_TEST(mta.told == "body two; ");
    mta.grants = false;
    BOOST_TEST(message().reply().code == 451);
}

BOOST_AUTO_TEST_SUITE_END()
