/* Prints the numbers of the kernel's headers for this processor that the Python code has written down. */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define SAY(name) printf("%s %ld\n", #name, (long)(name))

int main(void)
{
    SAY(SYS_bpf);
    SAY(SYS_pidfd_open);
    SAY(SYS_pidfd_getfd);
    SAY(SYS_kcmp);
    SAY(KCMP_FILES);
    SAY(O_EXCL);
    SAY(SIOCGSKNS);
    SAY(SO_NETNS_COOKIE);
    SAY(CLONE_NEWNET);
    SAY(TCP_INFO);
    SAY(offsetof(struct tcp_info, tcpi_last_data_sent));
    SAY(offsetof(struct tcp_info, tcpi_last_data_recv));
    SAY(sizeof(struct linger));
    SAY(SOL_SOCKET);
    SAY(SO_KEEPALIVE);
    SAY(TCP_MAXSEG);
    SAY(TCP_KEEPIDLE);
    SAY(TCP_KEEPINTVL);
    SAY(TCP_KEEPCNT);
    SAY(TCP_SYNCNT);
    SAY(TCP_DEFER_ACCEPT);
    SAY(TCP_WINDOW_CLAMP);
    SAY(TCP_USER_TIMEOUT);
    return 0;
}
