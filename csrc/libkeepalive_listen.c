/* SPDX-License-Identifier: ISC */
/* listen(2): what is on the listener before it listens is on every socket that it accepts. */
#include "keepalive.h"
#include "sys.h"

typedef int listen_function(int, int);

static int raw_listen(int fd, int backlog)
{
    return keepalive_answer(keepalive_system(SYS_listen, fd, backlog, 0, 0, 0));
}

const struct keepalive_hook keepalive_hook = {KEEPALIVE_LISTEN, "listen", (keepalive_function *)raw_listen};

KEEPALIVE_EXPORT int listen(int fd, int backlog)
{
    listen_function *real = (listen_function *)keepalive_real();

    keepalive_touch(fd);
    return real(fd, backlog);
}
