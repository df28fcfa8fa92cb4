// Pulumi's own generators of Python, as a command: `codegen program|package`, request on stdin, response on stdout.
//
// The official language host answers the engine by the same functions; the tests' stand-in for it
// (tests/language_host) asks here. Both speak the protobuf messages of Pulumi's protocol.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/pulumi/pulumi/pkg/v3/codegen/hcl2/syntax"
	"github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/proto"
)

func main() {
	if err := answer(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(verb string) error {
	sent, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	response, err := respond(verb, sent)
	if err != nil {
		return err
	}
	written, err := proto.Marshal(response)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(written)
	return err
}

func respond(verb string, sent []byte) (proto.Message, error) {
	switch verb {
	case "program":
		request := &rpc.GenerateProgramRequest{}
		if err := proto.Unmarshal(sent, request); err != nil {
			return nil, err
		}
		files, err := program(request)
		return &rpc.GenerateProgramResponse{Source: files}, err
	case "package":
		request := &rpc.GeneratePackageRequest{}
		if err := proto.Unmarshal(sent, request); err != nil {
			return nil, err
		}
		return &rpc.GeneratePackageResponse{}, writePackage(request)
	}
	return nil, fmt.Errorf("codegen program|package; found %q", verb)
}

func program(request *rpc.GenerateProgramRequest) (map[string][]byte, error) {
	loader, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return nil, err
	}
	parser := syntax.NewParser()
	for name, source := range request.Source {
		if err := parser.ParseFile(bytes.NewBufferString(source), name); err != nil {
			return nil, err
		}
	}
	cached := schema.NewCachedLoader(loader)
	bound, problems, err := pcl.BindProgram(parser.Files, cached, options(request.Strict)...)
	if err := first(err, problems); err != nil {
		return nil, err
	}
	files, problems, err := python.GenerateProgram(bound)
	return files, first(err, problems)
}

func options(strict bool) []pcl.BindOption {
	if strict {
		return nil
	}
	return pcl.NonStrictBindOptions()
}

func writePackage(request *rpc.GeneratePackageRequest) error {
	loader, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.Schema), &spec); err != nil {
		return err
	}
	cached := schema.NewCachedLoader(loader)
	bound, problems, err := schema.BindSpec(spec, cached, schema.ValidationOptions{AllowDanglingReferences: true})
	if err := first(err, problems); err != nil {
		return err
	}
	files, err := python.GeneratePackage("pulumi-language-python", bound, request.ExtraFiles, cached)
	if err != nil {
		return err
	}
	return write(request.Directory, files)
}

func first(err error, problems hcl.Diagnostics) error {
	if err == nil && problems.HasErrors() {
		return problems
	}
	return err
}

func write(folder string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			return err
		}
	}
	return nil
}
