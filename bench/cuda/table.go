package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// columns are what names of lines begin with. PyTorch's may come without; those of the
// part "start" do as well, and are the first column's.
var columns = []struct{ prefix, title string }{
	{"own", "own kernels"}, {"cublas", "with cuBLAS"}, {"cublas-tf32", "in TF32"}, {"float32", "PyTorch"}, {"tf32", "in TF32"},
}

// entry returns the row and the column of a line's name.
func entry(name string) (row string, column int) {
	head, rest, _ := strings.Cut(name, "/")
	column, row = 3, name // PyTorch's
	if head == "start" {
		column = 0
	}
	for i, c := range columns {
		if head == c.prefix {
			column, row = i, rest
		}
	}
	switch how, step, _ := strings.Cut(row, "/"); how {
	case "graph": // the fastest of PyTorch's ways is what a step is held to
		row = step
	case "eager", "compiled":
		row = step + ", " + how
	}
	return row, column
}

// printTable prints the times of the lines of some files in microseconds, those of the
// same thing side by side.
func printTable(w io.Writer, files []string) error {
	var rows []string
	times := map[string][]string{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			fields := strings.Fields(s.Text())
			if len(fields) < 3 || fields[2] != "us" {
				continue
			}
			us, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				continue
			}
			row, column := entry(fields[0])
			if times[row] == nil {
				times[row] = make([]string, len(columns))
				rows = append(rows, row)
			}
			text := strconv.FormatFloat(us, 'f', 1, 64)
			if len(fields) >= 5 { // what was achieved
				rate, _ := strconv.ParseFloat(fields[3], 64)
				text += fmt.Sprintf(" (%.3g)", rate)
			}
			times[row][column] = text
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("there is no measurement in %s", strings.Join(files, ", "))
	}
	fmt.Fprint(w, "| us (TFLOP/s or GB/s) |")
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.title)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(columns)))
	for _, row := range rows {
		fmt.Fprintf(w, "| %s | %s |\n", row, strings.Join(times[row], " | "))
	}
	return nil
}
