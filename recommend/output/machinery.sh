# shellcheck shell=bash disable=SC2153 # the lines before this file in a script set MODE, PLAN and the like
# ---- machinery: the same in every script of sgtrim; nothing below names a group ----------------------------------------
#
# For every group of the plan, in order:
#   1. read its rules now, and those of the groups its changes lean on. Each must be as the plan found it, as the plan
#      leaves it, or in between as a run of this script that was stopped leaves it. Anything else is an edit by somebody:
#      the group is skipped, and said.
#   2. check who carries the group and whom its new rules refer to.
#   3. remove rules that nothing replaces; add the new rules; wait until EC2 shows them; change in place what can be;
#      only then remove the old rules that they replace; and look again. With --stage narrow nothing is removed; with
#      --stage revoke nothing but that is done, and only where all the new rules are there.
# A rule is written "DIRECTION PROTOCOL FROM TO SOURCE", as describe-security-group-rules has it. A set is such lines, each
# between line breaks.

set -u
export AWS_PAGER='' AWS_CLI_AUTO_PROMPT=off
export AWS_RETRY_MODE="${AWS_RETRY_MODE:-standard}" AWS_MAX_ATTEMPTS="${AWS_MAX_ATTEMPTS:-8}"
NL=$'\n'
TAB=$'\t'
WAIT="${SGTRIM_WAIT:-2}" # seconds between two looks at EC2, which shows a write with delay

fail() { printf '%s: error: %s\n' "$MODE.sh" "$1" >&2; }
warn() { printf '%s: %s\n' "$MODE.sh" "$1" >&2; }
die() {
  fail "$1"
  exit "${2:-1}"
}
has() { case $1 in *"$NL$2$NL"*) return 0 ;; esac; return 1; } # SET LINE

# ---- one group of the plan, as its group_N function tells it --------------------------------------------------------------

reset() {
  id='' name='' vpc='' carried='' KEEP=$NL EXEMPT=$NL EITHER=$NL
  leans=() changes=0 rules=0 references=0 lists=0
  C_ID=() C_KIND=() C_WHY=() C_MODIFY=() R_CHANGE=() R_SIDE=() R_LINE=() R_JSON=() R_TAGS=()
  M_HOW=() M_GROUP=() M_SET=() L_ID=() L_VERSION=() LOST=()
}
group() { id=$1 name=$2 vpc=$3; }
keeps() { KEEP+=$1$NL; }     # a rule that stays as it is
exempt() { EXEMPT+=$1$NL; }  # the id of a rule that sgtrim cannot express: never looked at, never touched
leans_on() { leans+=("$1"); } # a group whose rules the changes rely on
carried_by() { # the interfaces that the plan was judged for
  carried=$NL
  local i
  for i; do carried+=$i$NL; done
}
members() { # HOW GROUP INTERFACE…: exactly these carry a referenced group, or (kept) at least these
  local i set=$NL
  for i in "${@:3}"; do set+=$i$NL; done
  M_HOW[references]=$1 M_GROUP[references]=$2 M_SET[references]=$set
  references=$((references + 1))
}
list_version() {
  L_ID[lists]=$1 L_VERSION[lists]=$2
  lists=$((lists + 1))
}
change() {
  C_ID[changes]=$1 C_KIND[changes]=$2 C_WHY[changes]=$3 C_MODIFY[changes]=''
  changes=$((changes + 1))
}
rule() {
  R_CHANGE[rules]=$((changes - 1)) R_SIDE[rules]=$1 R_LINE[rules]=$2 R_JSON[rules]=$3 R_TAGS[rules]=$4
  rules=$((rules + 1))
}
old() { rule old "$1" "$2" ''; }                # goes
new() { rule new "$1" "$2" "${3-$PLAN_TAGS}"; } # comes
in_place() { C_MODIFY[changes - 1]=$1; }        # the change's one rule becomes the other, with the same id
either() { EITHER+=$1$NL; }     # a rule that may be there or not; it is left as it is
loses() { LOST+=("$1"); }       # what cannot come back, in words

# ---- asking and telling EC2 -------------------------------------------------------------------------------------------------

# call runs the AWS CLI: what it prints is in OUT. It fails, with the code in CODE, where EC2 refuses what was asked; all
# else (no network, no permission, too many requests) ends the script.
call() {
  CODE=''
  OUT=$(aws "$@" --region "$REGION" --output text 2>"$WORK/stderr") && return 0
  ERR=$(<"$WORK/stderr")
  local pattern='An error occurred \(([A-Za-z0-9.]+)\)'
  [[ $ERR =~ $pattern ]] && CODE=${BASH_REMATCH[1]#Client.}
  case $CODE in
    *NotFound | *Malformed | *Duplicate | RulesPerSecurityGroupLimitExceeded | InvalidParameter* | MissingParameter | DependencyViolation) return 1 ;;
  esac
  die "aws $1 $2: ${ERR:-it failed without a word}${NL}What was done so far is safe. Run the script again to go on."
}

RULE_COLUMNS='SecurityGroupRules[].[GroupId,SecurityGroupRuleId,IsEgress,IpProtocol,FromPort,ToPort,CidrIpv4,CidrIpv6,PrefixListId,ReferencedGroupInfo.GroupId]'

# load reads the rules in force of the named groups into RULES; groups that are no more into GONE.
load() {
  RULES='' GONE=$NL
  while [ $# -gt 0 ]; do
    load_some "${@:1:100}"
    shift $(($# < 100 ? $# : 100))
  done
}
load_some() {
  local g IFS=,
  if call ec2 describe-security-group-rules --filters "Name=group-id,Values=$*" --query "$RULE_COLUMNS"; then
    RULES+=$OUT$NL
  elif [ $# -eq 1 ]; then
    case $CODE in *NotFound) GONE+=$1$NL ;; *) die "$1: $ERR" ;; esac
  else
    for g; do load_some "$g"; done
  fi
}

# current picks one group's rules out of RULES: CURRENT is their set, CURRENT_IDS has "LINE|ID".
current() {
  local g rid egress proto from to v4 v6 list ref d source
  CURRENT=$NL CURRENT_IDS=$NL
  while IFS=$TAB read -r g rid egress proto from to v4 v6 list ref; do
    [ "$g" = "$1" ] || continue
    has "$EXEMPT" "$rid" && continue
    case $egress in [Tt]rue) d=egress ;; *) d=ingress ;; esac
    case $proto in 6) proto=tcp ;; 17) proto=udp ;; 1) proto=icmp ;; 58) proto=icmpv6 ;; all) proto=-1 ;; esac
    [ "$from" = None ] && from=-1
    [ "$to" = None ] && to=-1
    case $proto in
      tcp | udp) [ "$from" = -1 ] && from=0 to=65535 ;;
      icmp | icmpv6) [ "$from" = -1 ] && to=-1 ;;
      *) from=-1 to=-1 ;;
    esac
    for source in "$v4" "$v6" "$list" "$ref"; do [ "$source" != None ] && break; done
    CURRENT+="$d $proto $from $to $source$NL"
    [ "$rid" = None ] || CURRENT_IDS+="$d $proto $from $to $source|$rid$NL"
  done <<<"$RULES"
}

# id_of puts the id that EC2 gives the rule now into ID; empty when it has none.
id_of() {
  ID=''
  case $CURRENT_IDS in
    *"$NL$1|"*)
      ID=${CURRENT_IDS#*"$NL$1|"}
      ID=${ID%%"$NL"*}
      ;;
  esac
}

load_interfaces() { # GROUP…: the interfaces that carry any of them, into INTERFACES
  local IFS=,
  INTERFACES=''
  while [ $# -gt 0 ]; do
    local some=("${@:1:100}")
    shift $(($# < 100 ? $# : 100))
    call ec2 describe-network-interfaces --filters "Name=group-id,Values=${some[*]}" \
      --query "NetworkInterfaces[].[NetworkInterfaceId,join(',',Groups[].GroupId)]" || die "$ERR"
    INTERFACES+=$OUT$NL
  done
}
carrying() { # GROUP: the set of interfaces that carry it now, into CARRYING
  local eni groups
  CARRYING=$NL
  while IFS=$TAB read -r eni groups; do
    case ",$groups," in *",$1,"*) CARRYING+=$eni$NL ;; esac
  done <<<"$INTERFACES"
}

# ---- is everything as the plan found it? ------------------------------------------------------------------------------------

pretty() { # a rule for people
  local d proto from to source what
  read -r d proto from to source <<<"$1"
  case $proto in
    -1) what=all ;;
    tcp | udp)
      if [ "$from $to" = '0 65535' ]; then what="$proto *"; elif [ "$from" = "$to" ]; then what="$proto $from"; else what="$proto $from-$to"; fi
      ;;
    icmp | icmpv6)
      if [ "$from" = -1 ]; then what=$proto; elif [ "$to" = -1 ]; then what="$proto $from"; else what="$proto $from/$to"; fi
      ;;
    *) what="protocol $proto" ;;
  esac
  case $d in ingress) printf '%s' "ingress $what from $source" ;; *) printf '%s' "$d $what to $source" ;; esac
}

# judge compares CURRENT with the loaded group. It sets STATE to done or todo, of what the stage does; or says in DRIFT what
# is in the way.
judge() {
  local i c line known=$KEEP$EITHER gone=() missing=()
  DRIFT='' STATE='done'
  if has "$GONE" "$id"; then
    DRIFT="the group is gone$NL"
    return 1
  fi
  for ((c = 0; c < changes; c++)); do gone[c]=0 missing[c]=0; done
  for ((i = 0; i < rules; i++)); do
    known+=${R_LINE[i]}$NL
    c=${R_CHANGE[i]}
    if has "$CURRENT" "${R_LINE[i]}"; then
      [ "${R_SIDE[i]}" = old ] && [ "$STAGE" != narrow ] && STATE=todo
    elif [ "${R_SIDE[i]}" = old ]; then
      gone[c]=1
    else
      missing[c]=1 STATE=todo
    fi
  done
  while read -r line; do
    [ -z "$line" ] || has "$known" "$line" || DRIFT+="a rule the plan does not know: $(pretty "$line")$NL"
  done <<<"$CURRENT"
  while read -r line; do
    [ -z "$line" ] || has "$CURRENT" "$line" || DRIFT+="a rule is missing: $(pretty "$line")$NL"
  done <<<"$KEEP"
  for ((c = 0; c < changes; c++)); do
    if [ "${gone[c]}${missing[c]}" = 11 ]; then
      DRIFT+="change ${C_ID[c]}: its old rules are not all there any more, nor are its new ones$NL"
    elif [ "$STAGE" = revoke ] && [ "${missing[c]}" = 1 ]; then
      DRIFT+="change ${C_ID[c]}: its new rules are not all there yet: --stage narrow comes first$NL"
    fi
  done
  [ -z "$DRIFT" ]
}

# same_interfaces GROUP SET NEW LOST: are the interfaces that carry the group those of the set? NEW and LOST say whether
# ones that came, or that left while they live on, matter.
same_interfaces() {
  local eni left=()
  carrying "$1"
  while read -r eni; do
    [ -z "$eni" ] || has "$2" "$eni" || [ "$3" = fine ] || DRIFT+="interface $eni carries $1 since the plan was made$NL"
  done <<<"$CARRYING"
  [ "$4" = fine ] && return
  while read -r eni; do
    [ -z "$eni" ] || has "$CARRYING" "$eni" || left+=("$eni")
  done <<<"$2"
  while [ ${#left[@]} -gt 0 ]; do
    local IFS=,
    call ec2 describe-network-interfaces --filters "Name=network-interface-id,Values=${left[*]:0:100}" \
      --query 'NetworkInterfaces[].[NetworkInterfaceId]' || OUT=''
    [ -z "$OUT" ] || DRIFT+="no longer carried by an interface the plan counts on: $1 by ${OUT//$NL/ }$NL"
    left=("${left[@]:100}")
  done
}

# surroundings checks what the changes of the group lean on outside its own rules; what is wrong is added to DRIFT.
surroundings() {
  local g i found asked=() new=matter
  [ "$ALLOW_NEW" = yes ] && new=fine
  for g in ${leans[@]+"${leans[@]}"}; do
    found=$(leaned_on_drift "$g")
    [ -z "$found" ] || DRIFT+="the changes lean on $g: $found$NL"
  done
  [ -z "$carried" ] || asked+=("$id")
  for ((i = 0; i < references; i++)); do asked+=("${M_GROUP[i]}"); done
  load_interfaces ${asked[@]+"${asked[@]}"}
  [ -z "$carried" ] || same_interfaces "$id" "$carried" "$new" fine
  for ((i = 0; i < references; i++)); do
    case ${M_HOW[i]} in
      exactly) same_interfaces "${M_GROUP[i]}" "${M_SET[i]}" "$new" matter ;;
      *) same_interfaces "${M_GROUP[i]}" "${M_SET[i]}" fine matter ;;
    esac
  done
  [ "$lists" -eq 0 ] || same_lists
  [ -z "$DRIFT" ]
}

# leaned_on_drift prints what is wrong with the rules of a group that others lean on. It runs in a shell of its own, since
# it loads that group.
leaned_on_drift() {
  group_number "$1"
  if [ "$NUMBER" -eq 0 ]; then
    printf '%s' 'this script does not know it'
    return
  fi
  reset
  "group_$NUMBER"
  current "$id"
  judge || printf '%s' "${DRIFT//$NL/; }"
}

same_lists() {
  local i list version seen=$NL
  call ec2 describe-managed-prefix-lists --prefix-list-ids "${L_ID[@]}" --query 'PrefixLists[].[PrefixListId,Version]' || OUT=''
  while IFS=$TAB read -r list version; do seen+="$list $version$NL"; done <<<"$OUT"
  for ((i = 0; i < lists; i++)); do
    has "$seen" "${L_ID[i]} ${L_VERSION[i]}" || DRIFT+="prefix list ${L_ID[i]} is no longer at version ${L_VERSION[i]}$NL"
  done
}

# ---- doing it ---------------------------------------------------------------------------------------------------------------

# pick puts into PICKED the rules of one side and direction among the given ones that are (there) or are not (absent) in force.
pick() { # SIDE DIRECTION there|absent INDEX…
  local i
  PICKED=()
  for i in "${@:4}"; do
    case ${R_SIDE[i]}:${R_LINE[i]} in "$1:$2 "*) ;; *) continue ;; esac
    if has "$CURRENT" "${R_LINE[i]}"; then [ "$3" = there ] && PICKED+=("$i"); elif [ "$3" = absent ]; then PICKED+=("$i"); fi
  done
}

permissions_file() { # INDEX…
  local i sep='['
  for i; do
    printf '%s%s' "$sep" "${R_JSON[i]}"
    sep=','
  done >"$WORK/permissions.json"
  printf ']' >>"$WORK/permissions.json"
}

# authorise adds rules; ones already there are fine. It returns 2 when the quota refuses.
authorise() { # INDEX…
  local d i tags same rest
  for d in ingress egress; do
    pick new "$d" absent "$@"
    rest=(${PICKED[@]+"${PICKED[@]}"})
    while [ ${#rest[@]} -gt 0 ]; do # one call for all rules of equal tags
      tags=${R_TAGS[${rest[0]}]} same=() PICKED=()
      for i in "${rest[@]}"; do if [ "${R_TAGS[i]}" = "$tags" ]; then same+=("$i"); else PICKED+=("$i"); fi; done
      rest=(${PICKED[@]+"${PICKED[@]}"})
      authorise_call "$d" "$tags" "${same[@]}" || return
    done
  done
}
authorise_call() { # DIRECTION TAGS INDEX…
  local d=$1 tags=$2 i
  shift 2
  local args=(ec2 "authorize-security-group-$d" --group-id "$id" --query Return)
  permissions_file "$@"
  args+=(--ip-permissions "file://$WORK/permissions.json")
  if [ -n "$tags" ]; then
    printf '%s' "$tags" >"$WORK/tags.json"
    args+=(--tag-specifications "file://$WORK/tags.json")
  fi
  if call "${args[@]}"; then
    for i; do printf '  added     %s\n' "$(pretty "${R_LINE[i]}")"; done
  elif [ "$CODE" = RulesPerSecurityGroupLimitExceeded ]; then
    return 2
  elif [ $# -gt 1 ]; then # one of them is in the way: find it
    for i; do authorise_call "$d" "$tags" "$i" || return; done
  elif [ "$CODE" = InvalidPermission.Duplicate ]; then
    printf '  was there %s\n' "$(pretty "${R_LINE[$1]}")"
  else
    fail "$id: cannot add $(pretty "${R_LINE[$1]}"): $ERR"
    FAILED=yes
  fi
}

# revoke removes rules, by id where EC2 gives one; ones already gone are fine.
revoke() { # INDEX…
  local d i by_id by_properties
  for d in ingress egress; do
    pick old "$d" there "$@"
    by_id=() by_properties=()
    for i in ${PICKED[@]+"${PICKED[@]}"}; do
      id_of "${R_LINE[i]}"
      if [ -n "$ID" ]; then by_id+=("$i"); else by_properties+=("$i"); fi
    done
    [ ${#by_id[@]} -eq 0 ] || revoke_call "$d" id "${by_id[@]}"
    [ ${#by_properties[@]} -eq 0 ] || revoke_call "$d" properties "${by_properties[@]}"
  done
}
revoke_call() { # DIRECTION id|properties INDEX…
  local d=$1 how=$2 i args
  shift 2
  args=(ec2 "revoke-security-group-$d" --group-id "$id" --query UnknownIpPermissions)
  if [ "$how" = id ]; then
    args+=(--security-group-rule-ids)
    for i; do
      id_of "${R_LINE[i]}"
      args+=("$ID")
    done
  else
    permissions_file "$@"
    args+=(--ip-permissions "file://$WORK/permissions.json")
  fi
  if call "${args[@]}"; then
    # In a default VPC EC2 does not refuse what it cannot find: it lists it. The look at the end tells what is left.
    case $OUT in '' | None) ;; *) warn "$id: EC2 did not find all rules to remove: $OUT" ;; esac
    for i; do printf '  removed   %s\n' "$(pretty "${R_LINE[i]}")"; done
  elif [ $# -gt 1 ]; then
    for i; do revoke_call "$d" "$how" "$i"; done
  else
    case $CODE in
      *NotFound) printf '  was gone  %s\n' "$(pretty "${R_LINE[$1]}")" ;;
      *)
        fail "$id: cannot remove $(pretty "${R_LINE[$1]}"): $ERR"
        FAILED=yes
        ;;
    esac
  fi
}

# modify turns old rules into new ones in place, both directions in one call.
modify() { # CHANGE…
  local c sep='['
  for c; do
    id_of "$(line_of "$c" old)"
    printf '%s{"SecurityGroupRuleId":"%s","SecurityGroupRule":%s}' "$sep" "$ID" "${C_MODIFY[c]}"
    sep=','
  done >"$WORK/rules.json"
  printf ']' >>"$WORK/rules.json"
  if call ec2 modify-security-group-rules --group-id "$id" --security-group-rules "file://$WORK/rules.json" --query Return; then
    for c; do printf '  changed   %s\n  into      %s\n' "$(pretty "$(line_of "$c" old)")" "$(pretty "$(line_of "$c" new)")"; done
  elif [ $# -gt 1 ]; then
    for c; do modify "$c"; done
  else
    case $CODE in
      *NotFound | *Duplicate) ;; # somebody was faster; the look at the end tells
      *)
        fail "$id: cannot change $(pretty "$(line_of "$1" old)"): $ERR"
        FAILED=yes
        ;;
    esac
  fi
}
line_of() { # CHANGE SIDE: the one rule of that side
  local i
  for ((i = 0; i < rules; i++)); do
    if [ "${R_CHANGE[i]} ${R_SIDE[i]}" = "$1 $2" ]; then printf '%s' "${R_LINE[i]}" && return; fi
  done
}

# settle looks until EC2 shows every rule of the first set and none of the second, for a bounded time.
settle() {
  local try line ok
  for try in 1 2 3 4 5 6 7 8; do
    [ "$try" -eq 1 ] || sleep "$WAIT"
    load "$id"
    current "$id"
    ok=yes
    while read -r line; do [ -z "$line" ] || has "$CURRENT" "$line" || ok=no; done <<<"$1"
    while read -r line; do [ -z "$line" ] || ! has "$CURRENT" "$line" || ok=no; done <<<"$2"
    [ "$ok" = yes ] && return
  done
  return 1
}

# complete reports whether every new rule of the change is in force, so that its old ones may go.
complete() {
  local i
  for ((i = 0; i < rules; i++)); do
    [ "${R_CHANGE[i]} ${R_SIDE[i]}" != "$1 new" ] || has "$CURRENT" "${R_LINE[i]}" || return 1
  done
}
# rules_of puts the rules of one side of a change into FOUND.
rules_of() { # CHANGE SIDE
  local i
  FOUND=()
  for ((i = 0; i < rules; i++)); do [ "${R_CHANGE[i]} ${R_SIDE[i]}" != "$1 $2" ] || FOUND+=("$i"); done
}

# work makes the changes of the loaded group, in the safe order.
work() {
  local c i added=() dropped=() placed=() replaced=() present=$NL going=''
  for ((c = 0; c < changes; c++)); do
    rules_of "$c" new
    if [ ${#FOUND[@]} -eq 0 ]; then
      rules_of "$c" old
      dropped+=(${FOUND[@]+"${FOUND[@]}"})
    elif in_place_now "$c"; then
      placed+=("$c")
    else
      added+=("${FOUND[@]}")
      replaced+=("$c")
    fi
  done
  [ "$STAGE" = narrow ] || revoke ${dropped[@]+"${dropped[@]}"}
  if authorise ${added[@]+"${added[@]}"}; then
    for i in ${added[@]+"${added[@]}"}; do present+=${R_LINE[i]}$NL; done
    [ ${#added[@]} -eq 0 ] || settle "$present" "$NL" || warn "$id: EC2 does not show every added rule yet"
    [ ${#placed[@]} -eq 0 ] || modify "${placed[@]}"
    for c in ${replaced[@]+"${replaced[@]}"}; do
      rules_of "$c" old
      ! complete "$c" || going+=" ${FOUND[*]-}"
    done
    # shellcheck disable=SC2086 # a list of numbers
    [ "$STAGE" = narrow ] || revoke $going
  elif [ "$STAGE" = narrow ]; then
    fail "$id: the quota of rules has no room for the new rules beside the old ones, and this stage removes none: run without --stage"
    FAILED=yes
    return
  else
    warn "$id: no room for old and new rules side by side: one change after the other"
    [ ${#placed[@]} -eq 0 ] || modify "${placed[@]}"
    one_by_one "${replaced[@]}"
  fi
  check_result
}
in_place_now() { # CHANGE: can it be made in place, as things stand?
  [ -n "${C_MODIFY[$1]}" ] || return 1
  id_of "$(line_of "$1" old)"
  [ -n "$ID" ] && ! complete "$1"
}
# one_by_one makes changes singly; ones the quota refuses are tried again as long as others make room.
one_by_one() { # CHANGE…
  local c i present progress=yes refused=("$@") now
  while [ "$progress" = yes ] && [ ${#refused[@]} -gt 0 ]; do
    progress=no now=("${refused[@]}") refused=()
    for c in "${now[@]}"; do
      load "$id"
      current "$id"
      rules_of "$c" new
      if ! authorise "${FOUND[@]}"; then
        refused+=("$c")
        continue
      fi
      progress=yes present=$NL
      for i in "${FOUND[@]}"; do present+=${R_LINE[i]}$NL; done
      settle "$present" "$NL" || warn "$id: EC2 does not show every added rule yet"
      rules_of "$c" old
      ! complete "$c" || revoke ${FOUND[@]+"${FOUND[@]}"}
    done
  done
  for c in ${refused[@]+"${refused[@]}"}; do
    fail "$id: change ${C_ID[c]} is not made: the quota of rules has no room for its new rules beside the old ones"
    FAILED=yes
  done
}
check_result() {
  local i present=$KEEP absent=$NL
  for ((i = 0; i < rules; i++)); do
    if [ "${R_SIDE[i]}" = new ]; then present+=${R_LINE[i]}$NL; elif [ "$STAGE" != narrow ]; then absent+=${R_LINE[i]}$NL; fi
  done
  if settle "$present" "$absent"; then
    printf '  done\n'
  else
    fail "$id: the rules are not yet as planned. Nothing that is needed was removed; run the script again."
    FAILED=yes
  fi
}

show() { # what the group's changes are
  local c i how
  printf '\n%s %s (%s): %s\n' "$id" "$name" "$vpc" "$([ "$changes" -eq 1 ] && printf '1 change' || printf '%s changes' "$changes")"
  for ((c = 0; c < changes; c++)); do
    how=''
    [ -z "${C_MODIFY[c]}" ] || how=' [in place]'
    printf '  %s%s: %s (%s)\n' "${C_KIND[c]}" "$how" "${C_WHY[c]}" "${C_ID[c]}"
    for ((i = 0; i < rules; i++)); do
      case ${R_CHANGE[i]}:${R_SIDE[i]} in
        "$c:old") printf '    - %s\n' "$(pretty "${R_LINE[i]}")" ;;
        "$c:new") printf '    + %s\n' "$(pretty "${R_LINE[i]}")" ;;
      esac
    done
  done
  for i in ${LOST[@]+"${LOST[@]}"}; do printf '    ! %s\n' "$i"; done
}

one_group() { # N
  local wrong
  reset
  "group_$1"
  [ $((changes + ${#LOST[@]})) -gt 0 ] || return 0 # known for the groups that lean on it only
  [ "$ONLY" = "$NL" ] || has "$ONLY" "$id" || return 0
  show
  load "$id" ${leans[@]+"${leans[@]}"}
  current "$id"
  if judge && [ "$STATE" = 'done' ]; then
    printf '  nothing to do: it is so already\n'
    DONE=$((DONE + 1))
  elif [ -z "$DRIFT" ] && surroundings; then
    if [ "$APPLY" = yes ]; then work; else printf '  would be done\n'; fi
    DONE=$((DONE + 1))
  else
    SKIPPED=$((SKIPPED + 1))
    printf '  skipped\n'
    while read -r wrong; do [ -z "$wrong" ] || warn "$id skipped: $wrong"; done <<<"$DRIFT"
  fi
}

same_place() { # is this the account and the region that the plan is for?
  local env=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
  REGION=${REGION:-$ASKED_REGION} ACCOUNT=${ACCOUNT:-$ASKED_ACCOUNT}
  [ -n "$REGION" ] || die 'the plan does not say its region: name it with --region' 2
  [ -n "$ACCOUNT" ] || die 'the plan does not say its account: name it with --account' 2
  [ "${ASKED_REGION:-$REGION}" = "$REGION" ] || die "the plan is for region $REGION, not $ASKED_REGION"
  [ "${ASKED_ACCOUNT:-$ACCOUNT}" = "$ACCOUNT" ] || die "the plan is for account $ACCOUNT, not $ASKED_ACCOUNT"
  [ "${env:-$REGION}" = "$REGION" ] || die "the plan is for region $REGION; the environment says $env"
  call sts get-caller-identity --query Account || die "who am I? $ERR"
  [ "$OUT" = "$ACCOUNT" ] || die "the plan is for account $ACCOUNT; these credentials are of $OUT"
}

main() {
  local n
  APPLY=no STAGE='' ONLY=$NL IGNORE_EXPIRY=no ALLOW_NEW=no ASKED_REGION='' ASKED_ACCOUNT='' SKIPPED=0 DONE=0 FAILED=no
  while [ $# -gt 0 ]; do
    case $1 in
      --apply) APPLY=yes ;;
      --ignore-expiry) IGNORE_EXPIRY=yes ;;
      --allow-new-interfaces) ALLOW_NEW=yes ;;
      --stage)
        case $MODE:${2-} in
          apply:narrow | apply:revoke) STAGE=$2 ;;
          apply:*) die '--stage wants narrow or revoke' 2 ;;
          *) die 'a rollback has no stages' 2 ;;
        esac
        shift
        ;;
      --only | --account | --region)
        [ $# -gt 1 ] || die "$1 wants a value" 2
        case $1 in --only) ONLY+=$2$NL ;; --account) ASKED_ACCOUNT=$2 ;; *) ASKED_REGION=$2 ;; esac
        shift
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) die "unknown argument $1; see --help" 2 ;;
    esac
    shift
  done
  while read -r n; do
    [ -n "$n" ] || continue
    group_number "$n"
    reset
    [ "$NUMBER" -eq 0 ] || "group_$NUMBER"
    [ $((changes + ${#LOST[@]})) -gt 0 ] || die "--only $n: the plan changes no such group" 2
  done <<<"$ONLY"
  if [ "$MODE" = apply ] && [ "$IGNORE_EXPIRY" = no ] && [ "$(date -u +%s)" -ge "$EXPIRES" ]; then
    [ "$APPLY" = no ] || die 'the plan has expired: review again, or pass --ignore-expiry'
    warn 'the plan has expired: --apply will want a new review, or --ignore-expiry'
  fi
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/sgtrim.XXXXXX") || die 'cannot make a temporary folder'
  trap 'rm -rf "$WORK"' EXIT
  trap 'warn "stopped. What was done so far is safe. Run the script again to go on."; exit 130' INT TERM
  same_place
  printf '%s, plan %s, account %s, region %s: %s\n' "$MODE" "$PLAN" "$ACCOUNT" "$REGION" \
    "$([ "$APPLY" = yes ] && printf 'making the changes' || printf 'a dry run; nothing is changed without --apply')"
  case $STAGE in
    narrow) printf 'stage narrow: new rules come and rules are narrowed in place; none is removed\n' ;;
    revoke) printf 'stage revoke: old rules go whose new ones are there, and rules that nothing replaces\n' ;;
  esac
  for ((n = 1; n <= GROUP_COUNT; n++)); do one_group "$n"; done
  left_out
  printf '\n%s groups %s, %s skipped\n' "$DONE" "$([ "$APPLY" = yes ] && printf 'gone through' || printf 'ready')" "$SKIPPED"
  [ "$FAILED" = no ] || exit 1
  [ "$SKIPPED" -eq 0 ] || exit 3
}

main "$@"
