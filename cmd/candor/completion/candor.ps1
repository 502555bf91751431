# Completion of candor for PowerShell. Load it with:
#   candor completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName candor -ScriptBlock {
	param($word, $ast, $cursor)
	$length = $cursor - $ast.Extent.StartOffset
	$typed = $ast.Extent.Text.PadRight($length).Substring(0, $length)
	candor __complete $typed | Where-Object { $_ -ne ':files' } | ForEach-Object {
		$name, $about = $_ -split "`t", 2
		if (-not $about) { $about = $name }
		[System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $about)
	}
}
