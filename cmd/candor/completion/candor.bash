# Completion of candor for bash. Load it with: source <(candor completion bash)
_candor() {
	local line word=${COMP_LINE:0:COMP_POINT}
	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			compopt -o default 2>/dev/null
		else
			COMPREPLY+=("${line%%$'\t'*}")
		fi
	done < <("${COMP_WORDS[0]}" __complete "$word" 2>/dev/null)
	# bash has taken words apart at = and :, and wants only what follows.
	word=${word##*[[:space:]]}
	word=${word%"${COMP_WORDS[COMP_CWORD]}"}
	COMPREPLY=("${COMPREPLY[@]#"$word"}")
}
complete -F _candor candor
