#include "policy/scan/sha256.h"

#include <openssl/evp.h>

#include <cstring>
#include <new>

namespace policy::scan {
namespace {

EVP_MD_CTX* raw(void* context)
{
    return static_cast<EVP_MD_CTX*>(context);
}

}  // namespace

void Sha256::Free::operator()(void* context) const noexcept
{
    EVP_MD_CTX_free(raw(context));
}

Sha256::Sha256() : context_{EVP_MD_CTX_new()}
{
    if (!context_ ||
        EVP_DigestInit_ex(raw(context_.get()), EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc{};
}

void Sha256::update(std::string_view bytes)
{
    if (EVP_DigestUpdate(raw(context_.get()), bytes.data(), bytes.size()) != 1)
        throw std::bad_alloc{};
}

Digest Sha256::finish()
{
    Digest digest{};
    unsigned length = 0;
    if (EVP_DigestFinal_ex(raw(context_.get()), digest.data(), &length) != 1)
        throw std::bad_alloc{};
    return digest;
}

Digest Sha256::of(std::string_view bytes)
{
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

std::size_t DigestHash::operator()(const Digest& digest) const noexcept
{
    std::size_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    return value;
}

}  // namespace policy::scan
