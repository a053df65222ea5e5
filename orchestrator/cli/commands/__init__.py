"""The commands, one a file. `program` names them and loads each when it is called."""
