// Milters that write down what they see and do what the mail tells them: one
// by itself, or all of them as a chain.
//
//     chain-milters SOCKET LOG SHAPE NUMBER...     in the foreground
//
// NUMBER: which milters; several are a chain.  SHAPE: how they negotiate,
// `ours` as relay-milter, virus-milter and filter-milter do, `all` for every
// stage with an answer.
//
// A milter obeys its words: in the HELO name and in an address, NUMBER-STAGE-
// ACTION joined by dots (2-rcpt-refuse), and at eom the header X-Do-NUMBER,
// actions joined by bars:
//
//     add NAME VALUE   ins INDEX NAME VALUE   chg INDEX NAME VALUE
//     del INDEX NAME   body TEXT   to ADDRESS   not ADDRESS   hold REASON
//     and at its end refuse, later, discard, accept or throw
//
// In VALUE and TEXT, \n \r \t stand for these bytes.
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "milters/chain/chain.h"
#include "milters/milter/daemon.h"
#include "policy/config/socket_spec.h"
#include "policy/log.h"

namespace {

using namespace milters::milter;

std::mutex log_mutex;
std::ofstream log_file;

std::vector<std::string> split(const std::string& text, char at)
{
    std::vector<std::string> out;
    std::istringstream in{text};
    for (std::string word; std::getline(in, word, at);)
        out.push_back(word);
    return out;
}

std::string unescaped(const std::string& text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char next = i + 1 < text.size() ? text[i + 1] : ' ';
        if (text[i] != '\\')
            out += text[i];
        else
            out += next == 'n' ? '\n' : next == 'r' ? '\r' : '\t';
        i += text[i] == '\\';
    }
    return out;
}

/// Words off the front of a line.
std::string word(std::string& line)
{
    const auto end = line.find(' ');
    std::string out = line.substr(0, end);
    line.erase(0, end == line.npos ? end : end + 1);
    return out;
}

class Obedient final : public Session {
public:
    explicit Obedient(int number) : number_{number} {}
    ~Obedient() override { write("close " + helo_); }
    Obedient(const Obedient&) = delete;
    Obedient& operator=(const Obedient&) = delete;

    Answer connect(Context&, const Peer& peer) override
    {
        peer_ = peer.name;
        return Answer::proceed();
    }
    Answer helo(Context&, std::string_view name) override
    {
        helo_ = name;
        return told("helo", helo_ + " from " + peer_);
    }
    Answer mail(Context&, Args args) override
    {
        start();
        return told("mail", args[0]);
    }
    Answer rcpt(Context&, Args args) override { return told("rcpt", args[0]); }
    Answer data(Context&) override { return told("data", ""); }
    Answer header(Context&, std::string_view name,
                  std::string_view value) override
    {
        if (name == "X-Do-" + std::to_string(number_))
            orders_ = value;
        header_ +=
            policy::printable(name) + ": " + policy::printable(value) + " / ";
        return told("header", std::string{name}, false);
    }
    Answer eoh(Context&) override { return told("eoh", "", false); }
    Answer body(Context&, std::span<const unsigned char> chunk) override
    {
        body_.append(chunk.begin(), chunk.end());
        return told("body", "", false);
    }
    Answer eom(Context& mta) override
    {
        write("header " + header_);
        write("body " + policy::printable(body_));
        write("held " + std::string{mta.macro("quarantine").value_or("-")});
        auto answer = Answer::proceed();
        for (const auto& order : split(orders_, '|'))
            answer = obey(mta, order);
        start();
        return answer;
    }
    void abort() override { start(); }
    std::string id() const override { return std::to_string(number_); }

private:
    void start()
    {
        orders_.clear();
        header_.clear();
        body_.clear();
    }

    void write(const std::string& text) const
    {
        const std::lock_guard lock{log_mutex};
        log_file << number_ << ' ' << text << '\n' << std::flush;
    }

    /// Obeys what the HELO name and this command say.
    Answer told(const std::string& stage, const std::string& what,
                bool write_it = true)
    {
        if (write_it)
            write(stage + ' ' + what);
        const std::string mine = std::to_string(number_) + "-" + stage + "-";
        for (const auto& text : {helo_, what})
            if (const auto at = text.find(mine); at != text.npos)
                return act(stage, text.substr(at + mine.size()));
        return Answer::proceed();
    }

    Answer act(const std::string& stage, const std::string& how) const
    {
        const std::string who = std::to_string(number_) + " at " + stage;
        if (how.starts_with("refuse"))
            return Answer::refuse({554, "5.7.9", "no: " + who});
        if (how.starts_with("later"))
            return Answer::refuse({452, "4.2.1", "later: " + who});
        if (how.starts_with("accept"))
            return Answer::accept();
        if (how.starts_with("discard"))
            return Answer::discard();
        if (how.starts_with("throw"))
            throw std::runtime_error(who);
        return Answer::proceed();
    }

    Answer obey(Context& mta, std::string order)
    {
        const auto what = word(order);
        bool done = true;
        if (what == "add") {
            const auto name = word(order);
            done = mta.add_header(name, unescaped(order));
        } else if (what == "ins") {
            const auto index = std::stoi(word(order));
            const auto name = word(order);
            done = mta.insert_header(index, name, unescaped(order));
        } else if (what == "chg" || what == "del") {
            const auto index = std::stoi(word(order));
            const auto name = word(order);
            const auto value = unescaped(order);
            done = mta.change_header(name, index,
                                     what == "chg" ? &value : nullptr);
        } else if (what == "body") {
            done = mta.replace_body(unescaped(order));
        } else if (what == "to") {
            done = mta.add_recipient(order);
        } else if (what == "not") {
            done = mta.delete_recipient(order);
        } else if (what == "hold") {
            done = mta.quarantine(order);
        } else {
            return act("eom", what);
        }
        if (!done)
            write("not done: " + what);
        return Answer::proceed();
    }

    int number_;
    std::string peer_, helo_, orders_, header_, body_;
};

/// As relay-milter, virus-milter and filter-milter.
Needs needs_of(int number, bool ours)
{
    Needs needs;
    const bool content = !ours || number > 1;
    if (ours)
        needs.want_silently(Stage::connect, "j").want_silently(Stage::helo);
    else
        needs.want(Stage::connect, "j").want(Stage::helo).want(Stage::data);
    if (ours && number > 1)
        needs.want_silently(Stage::mail, "i");
    else
        needs.want(Stage::mail, "i");
    needs.want(Stage::rcpt);
    for (const auto stage : {Stage::header, Stage::eoh, Stage::body})
        if (ours && content)
            needs.want_silently(stage);
        else if (content)
            needs.want(stage);
    needs.want(Stage::eom, "i {quarantine}");
    needs.quarantine = true;
    needs.add_header = needs.change_headers = content;
    needs.replace_body = needs.change_recipients = content;
    return needs;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 5)
        return 64;
    log_file.open(argv[2], std::ios::app);
    const bool ours = argv[3] == std::string{"ours"};
    policy::Log log{{"chain-milters", "mail", policy::Log::Level::debug, true}};
    std::vector<Program> programs;
    for (int i = 4; i < argc; ++i) {
        const int number = std::stoi(argv[i]);
        Program one;
        one.name = "chain-milters";
        one.needs = needs_of(number, ours);
        one.make_session = [number] {
            return std::make_unique<Obedient>(number);
        };
        one.log = [](const std::string& id, const std::string& what) {
            const std::lock_guard lock{log_mutex};
            log_file << id << " failed " << what << '\n' << std::flush;
        };
        programs.push_back(std::move(one));
    }
    const Program program =
        programs.size() == 1
            ? programs.front()
            : milters::chain::combine("chain-milters", std::move(programs));
    Service service;
    service.program = &program;
    service.socket = *policy::config::SocketSpec::parse(argv[1]);
    service.foreground = true;
    service.log = &log;
    service.bind = [] { return policy::Status{}; };
    service.start = [] { return policy::Status{}; };
    service.reload = [] {};
    service.stop = [] {};
    return serve(service);
}
