# Steps of .ci/run that run in the background or in the foreground, each with a log of its own.
# Sourced, with "set -e" on. A step is a function: it runs in a subshell that ends at the first
# command that fails, so call these functions as plain commands, never in a condition.
steps_dir=$(mktemp -d)
declare -A step_pids=()
step_names=()

# begin NAME COMMAND...: start a step in the background, which gives way to the foreground.
begin() {
  launch 10 "$@"
}

# launch NICENESS NAME COMMAND...
launch() {
  local niceness=$1 name=$2
  shift 2
  step_names+=("$name")
  : >"$steps_dir/$name.log"
  set -m # a process group of its own, so that all of it can be stopped
  (
    set +m
    trap 'exit 143' TERM
    # shellcheck disable=SC2064 # the name of now: functions have variables of that name
    trap "end_step '$name' \$?" EXIT
    started=$SECONDS
    renice -n "$niceness" -p "$BASHPID" >/dev/null
    "$@"
  ) </dev/null >"$steps_dir/$name.log" 2>&1 &
  step_pids[$name]=$!
  set +m
}

# Record the result of a step, its times, and that it ended.
end_step() {
  times >"$steps_dir/$1.cpu"
  echo "$2 $started $SECONDS" >"$steps_dir/$1.ended.part"
  mv "$steps_dir/$1.ended.part" "$steps_dir/$1.ended"
}

# behind NAME: within a step, wait until that step has ended, in whatever way.
behind() {
  while [ ! -e "$steps_dir/$1.ended" ]; do
    kill -0 "${step_pids[$1]}" 2>/dev/null || [ -e "$steps_dir/$1.ended" ] || exit 1
    sleep 0.2
  done
  started=$SECONDS
}

# after NAME...: within a step, wait for what it needs; it ends where one of those steps failed.
after() {
  local name
  for name in "$@"; do
    behind "$name"
    case $(<"$steps_dir/$name.ended") in
      0\ *) ;;
      *)
        echo "not run: the step $name failed"
        exit 1
        ;;
    esac
  done
}

# join_step NAME: wait for a step; the run ends where it failed, or was killed.
join_step() {
  local status=0
  wait "${step_pids[$1]}" || status=$?
  [ "$status" != 0 ] || return 0
  if [ ! -e "$steps_dir/$1.ended" ]; then
    : >"$steps_dir/$1.cpu"
    echo "$status 0 $SECONDS" >"$steps_dir/$1.ended"
  fi
  exit 1
}

# await NAME...: wait for steps and show the end of their logs; the run ends where one failed.
await() {
  local name
  for name in "$@"; do
    join_step "$name"
    printf '\n== %s\n' "$(step_result "$name")"
    tail -n 4 "$steps_dir/$name.log"
  done
}

# step NAME COMMAND...: run a step in the foreground and show what it prints; the run ends here if
# a step in the background has failed by now.
step() {
  local name=$1 other
  for other in "${step_names[@]}"; do
    case $(step_result "$other") in *FAILED*) exit 1 ;; esac
  done
  printf '\n== %s, begins at %s s\n' "$name" "$SECONDS"
  launch 0 "$@"
  tail -n +1 -f -s 0.2 --pid="${step_pids[$name]}" "$steps_dir/$name.log" &
  wait $! # which a signal interrupts, unlike a command in the foreground
  join_step "$name"
  printf '== %s\n' "$(step_result "$name")"
}

# One line: how the step ended, when, and the processor time that it took.
step_result() {
  local status=- from=0 to=0 user=- system=-
  if [ -e "$steps_dir/$1.ended" ]; then
    read -r status from to <"$steps_dir/$1.ended"
    { read -r && read -r user system; } <"$steps_dir/$1.cpu" || true
  fi
  case $status in 0) status=done ;; - | 143) status=stopped ;; *) status="FAILED, exit $status" ;; esac
  printf '%-20s %-16s %4s s to %4s s, processor %s user, %s system' \
    "$1" "$status" "$from" "$to" "$user" "$system"
}

# At the end of the run, also of one that fails: stop what still runs, show the log of each step
# that failed, and the table of all steps.
finish_steps() {
  local name
  for name in "${step_names[@]}"; do
    [ -e "$steps_dir/$name.ended" ] || kill -- "-${step_pids[$name]}" 2>/dev/null || true
  done
  wait
  for name in "${step_names[@]}"; do
    case $(step_result "$name") in
      *FAILED*)
        printf '\n== %s: its log\n' "$name"
        cat "$steps_dir/$name.log"
        ;;
    esac
  done
  printf '\n== all steps, %s s\n' "$SECONDS"
  for name in "${step_names[@]}"; do step_result "$name" && echo; done
  rm -rf "$steps_dir"
}
