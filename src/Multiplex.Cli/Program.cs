using Multiplex.Cli;

return Command.Run(args);
