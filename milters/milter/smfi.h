// Calls of libmilter on a connection: negotiation, replies, macros, edits.
// For this folder only; the rest of the program sees session.h.
#pragma once

#include <libmilter/mfapi.h>

#include "milters/milter/reply.h"
#include "milters/milter/session.h"

namespace milters::milter {

/// What is offered or wanted: SMFIF_* and SMFIP_* bits.
struct Terms {
    unsigned long actions;
    unsigned long protocol;
};

/// SMFIF_* bits of the edits a program makes.
unsigned long action_flags(const Needs& needs);

/// Chooses from the MTA's offer: no stage that nothing uses, no reply where
/// none is made, only the edits that are needed, and the macros by stage.
/// An MTA that does not offer an edit is served without; the handler learns
/// of it when it tries.
Terms negotiate(SMFICTX* ctx, const Needs& needs, Terms offered);

/// Pure part of negotiate().
Terms terms_for(const Needs& needs, Terms offered);

/// Hands the text over and returns the status that goes with the code.
sfsistat refuse(SMFICTX* ctx, const WireReply& reply);

/// The Context of a callback.
class SmfiContext final : public Context {
public:
    explicit SmfiContext(SMFICTX* ctx) : ctx_{ctx} {}

    std::optional<std::string_view> macro(const char* name) override;
    bool quarantine(const std::string& reason) override;
    bool add_header(const std::string& name, const std::string& value) override;
    bool insert_header(int index, const std::string& name,
                       const std::string& value) override;
    bool change_header(const std::string& name, int index,
                       const std::string* value) override;
    bool replace_body(std::string_view bytes) override;
    bool add_recipient(const std::string& rcpt) override;
    bool delete_recipient(const std::string& rcpt) override;
    bool progress() override;

private:
    SMFICTX* ctx_;
};

}  // namespace milters::milter
