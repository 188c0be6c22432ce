/* SPDX-License-Identifier: ISC */
/* Calls in each phase of a C++ program. */
#include "phases.h"

#include <cstdlib>

extern "C" int dependency;

struct object {
    const char *end;
    object(const char *begin, const char *end_) : end(end_) { phase(begin); }
    ~object() { phase(end); }
};

static object global("static initialiser", "static object's destructor");

__attribute__((constructor)) static void begin() { phase("constructor"); }
__attribute__((destructor)) static void end() { phase("destructor"); }

static void at_exit() { phase("atexit"); }

int main()
{
    static object local("local static initialiser", "local static object's destructor");

    std::atexit(at_exit);
    phase("main");
    return dependency - 1;
}
