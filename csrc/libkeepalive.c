/* SPDX-License-Identifier: ISC */
/* connect(2): the options are on the socket before the first SYN. */
#include "keepalive.h"
#include "sys.h"

typedef int connect_function(int, const struct sockaddr *, socklen_t);

static int raw_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return keepalive_answer(keepalive_system(SYS_connect, fd, (long)address, (long)length, 0, 0));
}

const struct keepalive_hook keepalive_hook = {KEEPALIVE_CONNECT, "connect", (keepalive_function *)raw_connect};

KEEPALIVE_EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    connect_function *real = (connect_function *)keepalive_real();

    keepalive_touch(fd);
    return real(fd, address, length);
}
