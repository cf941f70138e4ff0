# Options and stages of a recipe script, read off its own comments. Sourced with the script's arguments:
#
#   script=FILE . utils/options.sh      then   if stage 1 "Title"; then …; fi
#
# An option is a comment line `#   --some-name VALUE  text` in FILE; it sets $some_name. VALUE N takes whole numbers
# only; without a VALUE it is a switch, and set to itself. --help prints FILE's header and its stages.

# shellcheck disable=SC2154  # $script, $stage and $stop_stage are the sourcing script's
manual() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script"
  sed -n 's/^if stage \([0-9]*\) "\(.*\)"; then$/  \1  \2/p' "$script"
}

# refuse MESSAGE: the user has to change something first
refuse() {
  echo "run.sh: $1" >&2
  exit 2
}

# nearest WORD CANDIDATE...: the candidate that the fewest edits turn WORD into
nearest() {
  local word=$1
  shift
  printf '%s\n' "$@" | awk -v word="$word" '
    function least(a, b, c) { return a < b ? (a < c ? a : c) : (b < c ? b : c) }
    {
      for (j = 0; j <= length($0); j++) row[j] = j
      for (i = 1; i <= length(word); i++) {
        corner = row[0]; row[0] = i
        for (j = 1; j <= length($0); j++) {
          edits = least(row[j] + 1, row[j-1] + 1, corner + (substr(word, i, 1) != substr($0, j, 1)))
          corner = row[j]; row[j] = edits
        }
      }
      if (NR == 1 || edits < fewest) { fewest = edits; best = $0 }
    }
    END { print best }'
}

# shellcheck disable=SC2154
# stage N TITLE: is this stage to be run? Then say so.
stage() {
  (($1 >= stage && $1 <= stop_stage)) && echo "== $1. $2"
}

declare -A takes=()
while read -r name value; do
  takes[$name]=$value
done < <(sed -n 's/^#   \(--[a-z-]*\) \(\([A-Z"]\{1,\} \{0,1\}\)*\).*/\1 \2/p' "$script")

while (($#)); do
  option=$1
  shift
  case $option in
    -h | --help) manual && exit 0 ;;
    --*=*) set -- "${option#*=}" "$@" && option=${option%%=*} ;;
  esac
  [[ -v takes[$option] ]] || refuse "unknown option $option; did you mean $(nearest "$option" "${!takes[@]}")?"
  name=${option#--}
  if [[ -z ${takes[$option]} ]]; then
    printf -v "${name//-/_}" %s "$option"
    continue
  fi
  (($#)) && [[ $1 != --* ]] || refuse "$option needs a value: $option ${takes[$option]}"
  [[ ${takes[$option]} != N || $1 =~ ^[0-9]{1,9}$ ]] || refuse "$option $1: expected a whole number"
  printf -v "${name//-/_}" %s "$1"
  shift
done
