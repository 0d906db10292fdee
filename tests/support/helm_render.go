// Renders a chart as `helm template` does, as far as ours goes, where there is no helm: Go, sprig and YAML of Debian
// (golang-go golang-github-masterminds-sprig-dev golang-github-ghodss-yaml-dev).
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run helm_render.go CHART VALUES
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/ghodss/yaml"
)

func main() {
	dir := os.Args[1]
	vals := map[string]interface{}{}
	raw, _ := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err := yaml.Unmarshal(raw, &vals); err != nil {
		panic(err)
	}
	if len(os.Args) > 2 {
		over, _ := os.ReadFile(os.Args[2])
		o := map[string]interface{}{}
		if err := yaml.Unmarshal(over, &o); err != nil {
			panic(err)
		}
		for k, v := range o {
			if m, ok := v.(map[string]interface{}); ok {
				if b, ok := vals[k].(map[string]interface{}); ok {
					for kk, vv := range m {
						b[kk] = vv
					}
					continue
				}
			}
			vals[k] = v
		}
	}
	chart := map[string]interface{}{}
	raw, _ = os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	yaml.Unmarshal(raw, &chart)
	c := map[string]interface{}{"Name": chart["name"], "Version": chart["version"], "AppVersion": chart["appVersion"]}
	data := map[string]interface{}{"Values": vals, "Chart": c, "Release": map[string]interface{}{"Name": "rel", "Namespace": "ns", "Service": "Helm"}}
	t := template.New("root")
	f := sprig.TxtFuncMap()
	f["include"] = func(name string, d interface{}) (string, error) {
		var b bytes.Buffer
		err := t.ExecuteTemplate(&b, name, d)
		return b.String(), err
	}
	f["toYaml"] = func(v interface{}) string { o, _ := yaml.Marshal(v); return strings.TrimSuffix(string(o), "\n") }
	f["required"] = func(msg string, v interface{}) (interface{}, error) {
		if v == nil || v == "" {
			return nil, fmt.Errorf(msg)
		}
		return v, nil
	}
	t.Funcs(f).Option("missingkey=zero")
	files, _ := filepath.Glob(filepath.Join(dir, "templates", "*"))
	for _, p := range files {
		b, _ := os.ReadFile(p)
		template.Must(t.New(filepath.Base(p)).Parse(string(b)))
	}
	for _, p := range files {
		if strings.HasPrefix(filepath.Base(p), "_") || !strings.HasSuffix(p, ".yaml") {
			continue
		}
		var b bytes.Buffer
		if err := t.ExecuteTemplate(&b, filepath.Base(p), data); err != nil {
			fmt.Println("ERR", err)
			os.Exit(1)
		}
		fmt.Printf("---\n# %s\n%s\n", p, b.String())
	}
}
