// Reads Tekton files as a cluster would: strictly, by the types of Tekton itself, then with its own validation.
//
// usage: tekton-check FILE...
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	v1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

type object interface {
	SetDefaults(context.Context)
	Validate(context.Context) *apis.FieldError
}

func check(document []byte) error {
	var kind struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return err
	}
	kinds := map[string]object{"tekton.dev/v1 Task": &v1.Task{}, "tekton.dev/v1 Pipeline": &v1.Pipeline{}}
	made, known := kinds[kind.APIVersion+" "+kind.Kind]
	if !known {
		return fmt.Errorf("nothing is known of %q %q", kind.APIVersion, kind.Kind)
	}
	if err := yaml.UnmarshalStrict(document, made); err != nil {
		return err
	}
	made.SetDefaults(context.Background())
	// A nil pointer in an interface would be an error that is there.
	if err := made.Validate(context.Background()); err != nil {
		return err
	}
	return nil
}

func main() {
	code := 0
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		for number, document := range bytes.Split(text, []byte("\n---\n")) {
			if err := check(document); err != nil {
				fmt.Printf("%s, document %d: %v\n", name, number+1, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}
