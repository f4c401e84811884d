"""The paper's questions as experiments: many ordinary runs, and the tables that answer them.

1. catalogue   one record an experiment: its question, its arms, its budget of programs
2. plan        the cells, each (experiment, family, arm, seed), with its whole configuration
3. running     a cell is a child process that trains one run of the workspace
4. results     what the store holds of the runs -> tables with intervals, plots, raw lines
"""
