#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <string>

#include "milters/scanner/quick_sscanf.h"
#include "policy/scan/cache.h"
#include "policy/scan/part_cache.h"
#include "policy/scan/part_list.h"
#include "policy/scan/verdict.h"
#include "policy/scan/wire.h"

BOOST_AUTO_TEST_SUITE(scan)

using namespace policy::scan;

BOOST_AUTO_TEST_CASE(names_of_signatures_tell_the_status)
{
    const std::pair<const char*, ScanStatus> cases[] = {
        {"Eicar-Test-Signature", ScanStatus::infected},
        {"Heuristics.Limits.Exceeded.MaxFileSize", ScanStatus::limits},
        {"Heuristics.Limits.Exceeded", ScanStatus::limits},
        {"Heuristics.Encrypted.Zip", ScanStatus::locked},
        {"Heuristics.Phishing.Email.SpoofedDomain", ScanStatus::suspicious},
        {"Heuristics.OLE2.ContainsMacros", ScanStatus::suspicious},
        {"PUA.Win.Packer.X", ScanStatus::suspicious},
        {"Win.Heuristics.X", ScanStatus::infected},
        {"", ScanStatus::infected}};
    for (const auto& [name, want] : cases)
        BOOST_TEST(name_of(status_of_signature(name)) == name_of(want), name);
}

BOOST_AUTO_TEST_CASE(the_most_telling_finding_comes_first)
{
    Verdict verdict;
    BOOST_TEST(verdict.clean());
    verdict.add(ScanStatus::locked, "Heuristics.Encrypted.Zip");
    verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded");
    verdict.add(ScanStatus::locked, "Heuristics.Encrypted.Zip");
    BOOST_TEST(verdict.findings.size() == 2U);
    BOOST_TEST(name_of(verdict.status()) == "limits");
    verdict.add(ScanStatus::error, "");
    BOOST_TEST(name_of(verdict.status()) == "error");
    verdict.add(ScanStatus::infected, "Worm");
    BOOST_TEST(verdict.signature() == "Worm");
    verdict.add(ScanStatus::clean, "");
    BOOST_TEST(verdict.findings.size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_signature_cannot_forge_a_header)
{
    BOOST_TEST(clean_signature("A\r\nX: y\x80 b") == "A__X:_y__b");
    BOOST_TEST(clean_signature(std::string(500, 'a')).size() == 128U);
}

BOOST_AUTO_TEST_CASE(answers_survive_the_wire)
{
    Verdict verdict;
    verdict.add(ScanStatus::infected, "Worm.X");
    verdict.parts.push_back({"a\xff.exe", "CL_TYPE_MSEXE", 12, 2, true});
    verdict.detail = "line\nbreak";
    Verdict back;
    BOOST_TEST(write(7, verdict).size() == 1U);
    BOOST_TEST(read_answer(write(7, verdict)[0], 7, back).value());
    BOOST_TEST((back.findings == verdict.findings));
    BOOST_TEST(back.parts.at(0).name == "a\xef\xbf\xbd.exe");
    BOOST_TEST(back.parts.at(0).encrypted);
    BOOST_TEST(back.detail == "line break");
}

BOOST_AUTO_TEST_CASE(long_lists_take_many_packets)
{
    Verdict verdict;
    verdict.add(ScanStatus::locked, "Locked");
    const std::string worst(160, '\x01');
    for (unsigned i = 0; i < max_listed; ++i)
        verdict.parts.push_back({worst, "CL_TYPE_ZIP", i, 2, false});
    Verdict back;
    auto packets = write(7, verdict);
    for (std::size_t i = 0; i < packets.size(); ++i) {
        BOOST_REQUIRE(packets[i].size() <= max_packet);
        BOOST_REQUIRE(read_answer(packets[i], 7, back).value() ==
                      (i + 1 == packets.size()));
    }
    BOOST_TEST(back.parts.size() == max_listed);
    BOOST_TEST(back.parts.back().size == max_listed - 1);
    BOOST_TEST(back.findings.size() == 1U);
    BOOST_TEST(!read_answer(packets[0], 7, back).has_value());
}

BOOST_AUTO_TEST_CASE(a_part_is_listed_once)
{
    PartList list{3};
    list.add_member({"a", "", 5, 2, false});
    list.add_member({"a", "", 5, 2, true});
    list.add_file({"a", "CL_TYPE_MSEXE", 5, 2, false});
    list.add_file({"a", "CL_TYPE_MSEXE", 5, 2, false});
    list.add_file({"a", "CL_TYPE_MSEXE", 5, 1, false});
    list.add_file({std::string(500, 'x') + ".exe", "CL_TYPE_ZIP", 5, 2, false});
    BOOST_TEST(!list.full());
    list.add_member({"b", "", 5, 2, false});
    BOOST_TEST(list.full());
    const auto parts = list.take();
    BOOST_TEST_REQUIRE(parts.size() == 3U);
    BOOST_TEST(parts[0].type == "CL_TYPE_MSEXE");
    BOOST_TEST(parts[0].encrypted);
    BOOST_TEST(parts[2].name.ends_with("x.exe"));
}

BOOST_AUTO_TEST_CASE(a_captured_worker_cannot_say_more_than_a_verdict)
{
    Verdict verdict;
    const char* const bad[] = {
        "",
        R"({"scan":7,"more":{}})",
        R"({"scan":8,"more":[]})",
        "{",
        "[]",
        "null",
        R"({"scan":8,"findings":[],"parts":[],"detail":""})",
        R"({"scan":7,"parts":[],"detail":""})",
        R"({"scan":7,"findings":{},"parts":[],"detail":""})",
        R"({"scan":7,"findings":[["clean",""]],"parts":[],"detail":""})",
        R"({"scan":7,"findings":[["fine",""]],"parts":[],"detail":""})",
        R"({"scan":7,"findings":["infected"],"parts":[],"detail":""})",
        R"({"scan":7,"findings":[],"parts":[[1]],"detail":""})",
        R"({"scan":-7,"findings":[],"parts":[],"detail":""})",
        R"({"scan":7,"findings":[],"parts":[],"detail":3})"};
    for (const char* packet : bad)
        BOOST_TEST(!read_answer(packet, 7, verdict).has_value(), packet);
    BOOST_TEST(!read_answer(std::string(max_packet + 1, ' '), 7, verdict));
}

BOOST_AUTO_TEST_CASE(events_survive_the_wire)
{
    ScannerEvent event;
    event.kind = ScannerEvent::Kind::gone;
    event.id = 3;
    event.pid = 44;
    event.text = "SIGSYS";
    event.engine = {"ClamAV", "1.4.6", 99, 27000, 1700000000, ""};
    const auto back = read_event(write(event));
    BOOST_REQUIRE(back.has_value());
    BOOST_TEST((back->kind == ScannerEvent::Kind::gone));
    BOOST_TEST(back->id == 3U);
    BOOST_TEST(back->text == "SIGSYS");
    BOOST_TEST(back->engine.signatures == 99U);
    BOOST_TEST(!read_event(R"({"event":"hello"})").has_value());
    BOOST_TEST(read_kill(write_kill(5)).value() == 5U);
    BOOST_TEST(!read_kill("{}").has_value());
}

BOOST_AUTO_TEST_CASE(cache_forgets_with_the_engine)
{
    VerdictCache cache{2};
    const Digest a = Sha256::of("a");
    const Digest b = Sha256::of("b");
    const Digest c = Sha256::of("c");
    Verdict infected;
    infected.add(ScanStatus::infected, "Worm");
    cache.add(a, "one", infected);
    BOOST_TEST(cache.find(a, "one")->signature() == "Worm");
    BOOST_TEST(!cache.find(a, "two").has_value());
    BOOST_TEST(!cache.find(a, "").has_value());
    cache.add(b, "one", Verdict{});
    BOOST_TEST(cache.find(a, "one").has_value());
    cache.add(c, "one", Verdict{});  // b was used least recently
    BOOST_TEST(!cache.find(b, "one").has_value());
    BOOST_TEST(cache.find(a, "one").has_value());
    cache.add(b, "two", Verdict{});
    BOOST_TEST(!cache.find(a, "one").has_value());
    BOOST_TEST(cache.size() == 1U);
    BOOST_TEST(cache.hits() == 3U);
}

BOOST_AUTO_TEST_CASE(cache_keeps_no_failure)
{
    VerdictCache cache{8};
    const Digest key = Sha256::of("x");
    cache.add(key, "one", Verdict::error("disk full"));
    Verdict slow;
    slow.add(ScanStatus::limits, "Heuristics.Limits.Exceeded.ScanTime");
    cache.add(key, "one", slow);
    BOOST_TEST(cache.size() == 0U);
    cache.add(key, "", Verdict{});
    BOOST_TEST(cache.size() == 0U);
}

BOOST_AUTO_TEST_CASE(part_cache_is_bounded)
{
    PartCache cache{2};
    const Digest a = Sha256::of("a");
    const Digest b = Sha256::of("b");
    const Digest c = Sha256::of("c");
    cache.add({a, b, a, c});
    BOOST_TEST(cache.size() == 2U);
    BOOST_TEST(!cache.contains(a));
    BOOST_TEST(cache.contains(c));
    PartCache none{0};
    none.add({a});
    BOOST_TEST(none.size() == 0U);
}

extern "C" int quick_sscanf(const char* text, const char* format,
                            ...) __asm__("sscanf");

BOOST_AUTO_TEST_CASE(quick_sscanf_reads_as_the_c_library)
{
    BOOST_TEST(milters::scanner::use_quick_sscanf());
    for (const char* text :
         {"0", "7&8", "123456789", "1234567890", "4294967295", "4294967296",
          "99999999999999999999", " 5", "+5", "-5", "", " ", "x", "&1", "00012",
          "123456789x", "3.5"}) {
        unsigned ours = 77;
        unsigned theirs = 77;
        BOOST_TEST(
            quick_sscanf(text, "%u", &ours) == std::sscanf(text, "%u", &theirs),
            text);
        BOOST_TEST(ours == theirs, text);
    }
    char open = 0;
    char close = 0;
    std::size_t size = 0;
    BOOST_TEST(quick_sscanf("{60-", "%c%zu%c", &open, &size, &close) == 3);
    BOOST_TEST(size == 60U);
    BOOST_TEST(close == '-');
}

BOOST_AUTO_TEST_SUITE_END()
