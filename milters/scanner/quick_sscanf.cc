#include "milters/scanner/quick_sscanf.h"

#include <cstdarg>
#include <cstdio>

extern "C" {

/// The name that libclamav asks the dynamic linker for.
int quick_sscanf(const char* text, const char* format, ...) __asm__("sscanf");

int quick_sscanf(const char* text, const char* format, ...)
{
    constexpr int max_digits = 9;  // fit in 32 bits whatever they are
    std::va_list arguments;
    va_start(arguments, format);
    unsigned value = 0;
    int digits = 0;
    while (digits <= max_digits && text[digits] >= '0' && text[digits] <= '9')
        value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
    int result = 1;
    if (digits > 0 && digits <= max_digits && format[0] == '%' &&
        format[1] == 'u' && format[2] == '\0')
        *va_arg(arguments, unsigned*) = value;
    else
        result = std::vsscanf(text, format, arguments);
    va_end(arguments);
    return result;
}
}

namespace milters::scanner {

bool use_quick_sscanf()
{
    unsigned value = 0;
    return quick_sscanf("5&6", "%u", &value) == 1 && value == 5;
}

}  // namespace milters::scanner
