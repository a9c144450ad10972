using System.CommandLine;
using VBiLstm.Cli.Execution;
using VBiLstm.Configuration;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm completion</c>.</summary>
static class CompletionCommand
{
    // Each asks the program itself, by the directive of the parser's library: what follows the cursor's word is the shell's own, files among it.
    static readonly (string Shell, string Script)[] Scripts =
    [
        ("bash", """
            _vbilstm() {
                local word="${COMP_WORDS[COMP_CWORD]}"
                COMPREPLY=($(compgen -W "$(vbilstm "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "$word"))
            }
            complete -o default -o bashdefault -F _vbilstm vbilstm
            """),
        ("zsh", """
            #compdef vbilstm
            _vbilstm() {
                local -a words_of_the_program
                words_of_the_program=("${(@f)$(vbilstm "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
                compadd -- $words_of_the_program
                _files
            }
            compdef _vbilstm vbilstm
            """),
        ("fish", """
            complete -c vbilstm -a '(vbilstm "[suggest:"(commandline -C)"]" (commandline -p) 2>/dev/null)'
            """),
        ("pwsh", """
            Register-ArgumentCompleter -Native -CommandName vbilstm -ScriptBlock {
                param($word, $line, $cursor)
                vbilstm "[suggest:$cursor]" "$line" 2>$null | Where-Object { $_ -like "$word*" } | ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
                }
            }
            """),
    ];

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = $"One of {string.Join(", ", Scripts.Select(script => script.Shell))}." };
        var command = new Command("completion", """
            Prints the script by which a shell completes vbilstm's commands and options. The shell reads it at its start; vbilstm must be on
            its path.

            Examples:
              source <(vbilstm completion bash)                               in ~/.bashrc
              source <(vbilstm completion zsh)                                in ~/.zshrc
              vbilstm completion fish | source                                in ~/.config/fish/config.fish
              vbilstm completion pwsh | Out-String | Invoke-Expression        in $PROFILE
            """)
        {
            shell,
        };
        command.SetAction(parsed =>
        {
            var name = parsed.GetRequiredValue(shell);
            var known = Array.FindIndex(Scripts, script => script.Shell == name);
            if (known < 0)
                throw new ConfigurationException($"There is no script for {name}; did you mean {NearestName.Of(name, Scripts.Select(script => script.Shell))}? "
                    + $"Shells: {string.Join(", ", Scripts.Select(script => script.Shell))}.");
            Console.WriteLine(Scripts[known].Script);
            return CommandExecution.Success;
        });
        return command;
    }
}
