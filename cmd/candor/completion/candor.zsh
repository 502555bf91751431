#compdef candor
# Completion of candor for zsh. Load it with: source <(candor completion zsh)
# or save it as _candor in a folder of $fpath.
_candor() {
	local -a described
	local line files=
	for line in "${(@f)$("${words[1]}" __complete "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}"; do
		case $line in
		'') ;;
		:files) files=yes ;;
		*) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
		esac
	done
	(( $#described )) && _describe -V candor described
	[[ -n $files ]] && _files
}
if [[ $funcstack[1] == _candor ]]; then
	_candor "$@"
else
	compdef _candor candor
fi
