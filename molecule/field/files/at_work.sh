#!/bin/sh
# Print the main processes of what no rollout may touch, and since when they run.
exec systemctl show --property=MainPID,ExecMainStartTimestampMonotonic longjob stubborn 'chat@*'
