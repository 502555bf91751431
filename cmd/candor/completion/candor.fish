# Completion of candor for fish. Load it with: candor completion fish | source
function __candor_complete
	set -l typed (commandline --cut-at-cursor --current-process | string collect)
	for line in (candor __complete "$typed" 2>/dev/null)
		if test "$line" = :files
			__fish_complete_path (commandline --cut-at-cursor --current-token)
		else
			printf '%s\n' "$line"
		end
	end
end
complete --command candor --no-files --keep-order --arguments '(__candor_complete)'
