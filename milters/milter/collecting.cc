#include "milters/milter/collecting.h"

#include <utility>

#include "milters/milter/own_id.h"
#include "policy/log.h"

namespace milters::milter {
namespace {

/// The address that decides about networks: what the MTA names, since a
/// client that cannot be told is nobody's friend.
void learn_client(Context& mta, policy::ClientAddr& client)
{
    if (const auto addr =
            policy::ClientAddr::parse(text_of(mta, "client_addr")))
        client = *addr;
}

std::string first(Args args)
{
    return args.empty() ? "" : args.front();
}

}  // namespace

std::string text_of(Context& mta, const char* macro)
{
    return std::string(mta.macro(macro).value_or(""));
}

Needs collecting_needs()
{
    Needs needs;
    needs.want_silently(Stage::connect, "j {client_addr}")
        .want_silently(Stage::mail, "i {auth_authen} {client_addr}")
        .want_silently(Stage::rcpt)
        .want_silently(Stage::header)
        .want_silently(Stage::body)
        .want(Stage::eom, "i j");
    needs.quarantine = true;
    needs.add_header = true;
    needs.change_headers = true;
    needs.replace_body = true;
    needs.change_recipients = true;
    return needs;
}

CollectingSession::CollectingSession()
{
    connection_.own_id = own_id();
}

Answer CollectingSession::connect(Context& mta, const Peer& peer)
{
    mail_.reset();
    connection_.helo.clear();
    connection_.client = peer.addr;
    learn_client(mta, connection_.client);
    connection_.client_name = peer.name;
    return Answer::proceed();
}

Answer CollectingSession::helo(Context&, std::string_view name)
{
    connection_.helo = name;
    return Answer::proceed();
}

Answer CollectingSession::mail(Context& mta, Args args)
{
    mail_.reset();
    learn_client(mta, connection_.client);
    Origin origin = connection_;
    origin.sender = first(args);
    origin.auth_user = text_of(mta, "auth_authen");
    origin.queue_id = policy::printable(text_of(mta, "i"));
    mail_ = begin(std::move(origin));
    return Answer::proceed();
}

Answer CollectingSession::rcpt(Context&, Args args)
{
    return mail_ ? mail_->rcpt(first(args)) : Answer::proceed();
}

Answer CollectingSession::header(Context&, std::string_view name,
                                 std::string_view value)
{
    if (mail_)
        mail_->header(name, value);
    return Answer::proceed();
}

Answer CollectingSession::eoh(Context&)
{
    if (mail_)
        mail_->end_of_headers();
    return Answer::proceed();
}

Answer CollectingSession::body(Context&, std::span<const unsigned char> chunk)
{
    if (mail_)
        mail_->body(
            {reinterpret_cast<const char*>(chunk.data()), chunk.size()});
    return Answer::proceed();
}

Answer CollectingSession::eom(Context& mta)
{
    if (!mail_)
        return Answer::refuse(policy::temporary_failure());
    if (mail_->origin().queue_id.empty())
        mail_->origin().queue_id = policy::printable(text_of(mta, "i"));
    auto answer = mail_->eom(mta);
    mail_.reset();
    return answer;
}

void CollectingSession::abort()
{
    mail_.reset();
}

std::string CollectingSession::id() const
{
    return mail_ ? mail_->origin().id() : "NOQUEUE";
}

}  // namespace milters::milter
